"""The version of the partials that the kernel makes."""

KERNEL_VERSION = 1
"""Raised whenever the kernel would make a different partial of the same object."""
