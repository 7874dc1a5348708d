"""What must hold of a decoder's outcome, whatever came in."""

from collections.abc import Callable

from devices.errors import UnreadableError, Why
from devices.model import Frame, Reading


def readings_or_reason(
    decode: Callable[[Frame, str | None], tuple[Reading, ...]], frame: Frame, model: str | None = None
) -> tuple[Reading, ...] | UnreadableError:
    """The readings, each of a named device, or a whole reason; anything else raised is a fault of the decoder."""
    try:
        readings = decode(frame, model)
    except UnreadableError as error:
        refused = error
    else:
        assert all(reading.device and reading.device.encode() for reading in readings)
        return readings
    assert refused.why is not Why.DECODER_FAILED
    assert "expected" in refused.detail
    assert str(refused).encode()
    return refused
