"""From bytes to a cube: what runs in Spark's Python workers."""
