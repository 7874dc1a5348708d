"""(state, Reading | Tick) -> (state, Verdict): what a reading means for one resident, pure."""
