"""The parts put together: the daemon, the replay, the demo."""
