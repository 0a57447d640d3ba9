"""Checks of a run's staged outputs, each module one subject.

checks = freshness_checks(artifacts)
"""
