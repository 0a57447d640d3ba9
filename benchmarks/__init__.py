"""Benchmarks of this project and its peers: same file, same cores, same session, same answers."""
