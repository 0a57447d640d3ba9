"""Patches of EMR: its clusters, and EMR Serverless."""
