"""What `make` calls: the analysis on folders, the whole stack on a laptop or in an account."""
