"""What AWS runs, built from the source tree: `python -m artefacts`."""
