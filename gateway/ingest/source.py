"""What the pipeline asks of a source of frames. MQTT is its first form."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec

from devices.model import Frame


class Receipt(msgspec.Struct, gc=False):
    """A frame with what its source needs to acknowledge it; opaque to everybody else."""

    frame: Frame
    format: str
    """Name of the format that the subscription stands for (devices.registry)."""
    packet_id: int
    """0: nothing to acknowledge (QoS 0)."""
    session: int
    """Number of the connection that it came on: an acknowledgement never crosses to another one."""


class Source(Protocol):
    """A lane of frames: it gives batches, and acknowledges them when told."""

    name: str
    """For logs and metrics: ``alarms`` or ``telemetry``."""

    @property
    def waiting(self) -> int:
        """Frames that are not handed out yet."""

    def batches(self, limit: int) -> AsyncIterator[list[Receipt]]:
        """What is waiting, at most ``limit`` at a time, in the order received; waits while there is nothing.

        A broker keeps the order within one subscription; NATS does not keep it between several.
        Survives reconnects; ends when the source is closed.
        """

    def acknowledge(self, batch: list[Receipt]) -> None:
        """Tell the broker that these are stored: in receive order, in one write; never waits.

        Receipts of a connection that is gone are passed over: the broker will deliver them again.
        """

    def publish(self, messages: list[tuple[str, bytes]]) -> None:
        """Send (topic, payload) with QoS 0 on the same connection, in one write; lost while disconnected.

        What is sent before ``acknowledge`` reaches the broker before it.
        """
