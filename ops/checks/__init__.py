"""Checks of a machine, an account and a deployment, each a finding with the way to mend it.

findings = diagnose(find_or_fetch(), Path("contract.yaml"))
code = show_findings(findings, console())
"""
