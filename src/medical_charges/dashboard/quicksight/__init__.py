"""QuickSight as code: data sources, data sets, analysis and dashboard, derived from a contract."""

from medical_charges.dashboard.quicksight.template import template

__all__ = ["template"]
