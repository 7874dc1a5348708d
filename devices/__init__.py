"""Frame -> Readings: every device format, pure (no I/O, no clock)."""
