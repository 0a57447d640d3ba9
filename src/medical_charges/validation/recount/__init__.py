"""The recount: rows read, validated and summed again by code that shares nothing with the kernel.

recounts = sum_objects(spark, store, contract, objects)
"""
