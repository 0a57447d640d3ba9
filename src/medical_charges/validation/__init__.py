"""Validation of a run's outputs against its input, by code independent of the kernel."""

from medical_charges.validation.outputs import validate_outputs
from medical_charges.validation.recount.frames import FrameCheck, Frames
from medical_charges.validation.result import Result

__all__ = ["FrameCheck", "Frames", "Result", "validate_outputs"]
