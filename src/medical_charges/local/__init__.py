"""The analysis of files in this process, without a bucket, a stack or Spark.

This is what `import medical_charges` offers, and what the command `medical-charges` calls.
"""
