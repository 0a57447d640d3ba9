"""Detection of columns that identify people, by their names and by their values."""
