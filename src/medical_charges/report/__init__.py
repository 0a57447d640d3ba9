"""The report of a run: what it read, rejected, checked and withheld, as JSON and as a page."""

from medical_charges.report.assemble import read_checks, write_report
from medical_charges.report.model import Report

__all__ = ["Report", "read_checks", "write_report"]
