"""Outputs read off a state: tables, their statistics, the Catalog, and what may be shown of them.

for table in make_tables(state.cube, contract):
store.write(layout.staged(run_id, table.name), table.to_csv())
"""
