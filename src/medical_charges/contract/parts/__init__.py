"""The parts of a contract, as they are written in its file."""
