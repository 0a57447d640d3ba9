"""This project beside its peers: the same file, the same cores, one session, the same answers."""
