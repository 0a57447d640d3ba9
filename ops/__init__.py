"""The commands behind `make`: the analysis on folders, and the stack on a laptop or on AWS."""
