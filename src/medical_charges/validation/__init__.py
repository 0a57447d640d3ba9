"""A run's outputs, held against its input by code that shares no line with kernel or merge."""

from medical_charges.validation.outputs import validate_outputs
from medical_charges.validation.recount.frames import FrameCheck, Frames
from medical_charges.validation.result import Result

__all__ = ["FrameCheck", "Frames", "Result", "validate_outputs"]
