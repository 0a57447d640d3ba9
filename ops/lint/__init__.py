"""Checks of `make lint` and of the commit hooks that no tool brings.

python -m ops.lint.words
"""
