"""Exact, mergeable sums: of one object (partial), of a snapshot (state), by grouping set (cube).

state = read_latest_state(store, contract)
cube = merge_cubes([state.cube, partial.cube])
"""
