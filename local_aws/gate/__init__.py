"""The gate before the emulator: what AWS would refuse is refused here."""
