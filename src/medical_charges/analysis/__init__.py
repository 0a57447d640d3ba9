"""The analysis of a snapshot: from new objects to staged outputs.

snapshot = take_snapshot(store, contract)
    summary = analyze(store, contract, run_id, snapshot, in_this_process)
"""
