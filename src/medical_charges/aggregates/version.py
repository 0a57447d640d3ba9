"""The version of what the kernel makes of an object."""

KERNEL_VERSION = 1
"""Raised whenever the kernel would make another partial of the same object."""
