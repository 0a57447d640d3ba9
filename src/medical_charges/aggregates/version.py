"""The version of the partials that the kernel makes."""

KERNEL_VERSION = 2
"""Raised whenever the kernel would make a different partial of the same object."""
