"""Has everything been heard that the broker had kept for us?"""

import asyncio
from collections.abc import Sequence

from gateway.clock import monotonic
from gateway.ingest.mqtt_source import MqttSource

PATIENCE_S = 5.0
"""Real seconds that it may take before we go on all the same: deadlines that passed while we were away are late
already, and the oldest of them must be told within 5 s of the start."""

QUIET_S = 0.3
"""A broker sends what it kept right after the subscription, frame on frame; a pause this long means that it is over."""

_LOOK_EVERY_S = 0.05


class Backlog:
    """Watches the lanes after the start."""

    def __init__(self, sources: Sequence[MqttSource]) -> None:
        self._sources = sources

    async def heard(self) -> bool:
        """Wait until all lanes are connected and have been quiet for a moment; False when that took too long."""
        began = quiet_since = monotonic()
        frames = -1
        while monotonic() - began < PATIENCE_S:
            health = [source.health() for source in self._sources]
            now = sum(lane.frames for lane in health)
            if now != frames or any(lane.waiting or not lane.connected for lane in health):
                frames, quiet_since = now, monotonic()
            elif monotonic() - quiet_since >= QUIET_S:
                return True
            await asyncio.sleep(_LOOK_EVERY_S)
        return False
