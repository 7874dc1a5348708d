"""How much a codec may use."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits of one run of a codec.

    Raises ValueError for a limit that is not positive.
    """

    time_ms: int = 50
    """Processor time for a message. A usual codec needs 0.1 ms; a hundred times that is room for a slow machine.
    Processor time, not the clock's: a busy machine must not cost an alarm."""
    memory_bytes: int = 16 * 1024 * 1024
    """Heap of one codec's context. The largest vendor codecs take 2 MiB with their tables."""
    stack_bytes: int = 256 * 1024
    """Some 1,000 calls deep; the thread has 8 MiB, so that the engine's own check always comes first."""
    wait_s: float = 2.0
    """By the clock, for a process that neither computes nor answers (stopped, swapped out); forty times time_ms."""

    def __post_init__(self) -> None:
        """Refuse what is no limit."""
        if min(self.time_ms, self.memory_bytes, self.stack_bytes, self.wait_s) <= 0:
            raise ValueError("limits of a codec: expected numbers above 0")
