"""The recount: rows read, judged and summed again by code that shares nothing with the kernel.

recounts = sum_objects(spark, store, contract, objects)
"""
