"""The analysis of a snapshot: from new objects to staged outputs.

summary = analyze(store, contract, run_id, in_this_process)
"""
