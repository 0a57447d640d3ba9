"""The kernel: bytes to a cube, in Spark's Python workers."""
