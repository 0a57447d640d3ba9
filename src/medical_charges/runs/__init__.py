"""The life of a run: its lease, its publication, its failure, and the way back.

plan = plan_run(ledger, store, contract, order)
publish_run(ledger, store, contract, turn)
"""
