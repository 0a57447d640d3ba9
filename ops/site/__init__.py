"""The documents as a site, for reading without a Git host."""
