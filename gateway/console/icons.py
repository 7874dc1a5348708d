"""The app's icons as PNG, for phones that want no SVG: ``python -m gateway.console.icons`` draws them anew from our own
drawing (static/icon.svg has the same one). They are files in static/, so that nothing is drawn while the gateway runs.
"""

import struct
import zlib
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

GROUND: Final = (0x0B, 0x55, 0x63)
INK: Final = (0xFF, 0xFF, 0xFF)
GRID: Final = 32.0
"""The drawing is 32 units wide."""

ICONS: Final = (("icon-192.png", 192, False), ("icon-512.png", 512, False), ("icon-mask.png", 512, True))
"""Name, width in pixels, and whether the phone cuts it out itself (maskable: no corners of our own, a smaller mark)."""

_Plane = npt.NDArray[np.float64]


def draw(size: int, *, mask: bool) -> bytes:
    """The icon as a PNG file (RGBA, 8 bits).

    Args:
        size: width and height in pixels.
        mask: fills the whole square; the mark stays within the middle 80 % that every shape of icon shows.
    """
    axis = (np.arange(size) + 0.5) * GRID / size
    x, y = np.meshgrid(axis, axis)
    unit = size / GRID
    ground = np.ones_like(x) if mask else _cover(_box(x - 16, y - 16, 16, 7), unit)
    scale = 0.75 if mask else 1.0
    u, v = (x - 16) / scale, (y - 16) / scale
    # an exclamation mark: two upright strokes with round ends, 4 units wide
    mark = np.minimum(_stroke(u, v, -10, 2), _stroke(u, v, 6, 10)) * scale
    ink = _cover(mark, unit)
    pixels = np.empty((size, size, 4), dtype=np.uint8)
    for channel in range(3):
        pixels[..., channel] = np.round(GROUND[channel] + (INK[channel] - GROUND[channel]) * ink)
    pixels[..., 3] = np.round(255 * ground)
    return _png(pixels)


def _box(x: _Plane, y: _Plane, half: float, radius: float) -> _Plane:
    """Distance to the border of a square with round corners; negative inside."""
    dx, dy = np.abs(x) - half + radius, np.abs(y) - half + radius
    outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0))
    return outside + np.minimum(np.maximum(dx, dy), 0) - radius


def _stroke(x: _Plane, y: _Plane, top: float, bottom: float) -> _Plane:
    """Distance to the border of an upright stroke."""
    return np.hypot(x, y - np.clip(y, top, bottom)) - 2


def _cover(distance: _Plane, unit: float) -> _Plane:
    """How much of each pixel is inside, 0 to 1."""
    return np.clip(0.5 - distance * unit, 0, 1)


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )


def main() -> None:
    """Write the files."""
    folder = Path(__file__).parent / "static"
    for name, size, mask in ICONS:
        (folder / name).write_bytes(draw(size, mask=mask))


if __name__ == "__main__":
    main()
