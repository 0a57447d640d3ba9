"""Exact, mergeable statistics of a measure by groups, described by a contract."""

__version__ = "0.1.0"
