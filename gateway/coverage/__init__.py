"""Coverage: who would be told in the coming days, and where nobody would be; see docs/shifts.md."""
