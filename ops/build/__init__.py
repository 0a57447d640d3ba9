"""The artifacts that AWS runs, built from the source tree: `python -m ops.build`."""
