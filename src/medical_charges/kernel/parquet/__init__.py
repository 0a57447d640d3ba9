"""Parquet: its footer, its rows as records of the plain dialect, and their scan.

A row of Parquet is judged as the record that it would be in a CSV of the plain dialect. `texts` is
the definition of that record, and the row validator judges it. The scan takes typed values past
all texts where it is sure of the same result.
"""
