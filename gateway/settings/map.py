"""[console.map]: what lies under the map; docs/map.md."""

import re
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from gateway.settings.table import Table

_BLANKS: Final = ("{z}", "{x}", "{y}")
_EXPECTED: Final = (
    "expected an https address or a path of this console, such as https://tiles.example.org/{z}/{x}/{y}.png"
)


def _template(value: str) -> str:
    if any(value.count(blank) != 1 for blank in _BLANKS):
        raise ValueError("expected each of {z}, {x} and {y} once")
    plain = value.replace("{z}", "0").replace("{x}", "0").replace("{y}", "0")
    if "{" in plain or "}" in plain:
        raise ValueError("expected no blanks but {z}, {x} and {y}: the host must be one, and is named to the browser")
    if re.search(r"[\s;,'\"<>\\]", plain):
        raise ValueError(_EXPECTED)
    if plain.startswith("/") and not plain.startswith("//"):
        return value
    parts = urlsplit(plain)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        raise ValueError(_EXPECTED)
    if any(blank in value.split("/", 3)[2] for blank in _BLANKS):
        raise ValueError("expected {z}, {x} and {y} in the path, not in the host")
    return value


class Map(Table):
    """[console.map]: the pictures under the map; without any, the map is plain geometry."""

    tiles: Annotated[str, AfterValidator(_template)] | None = Field(
        None,
        description="Address of map tiles (https, or a path of this console) with {z} {x} {y}. Whoever runs them sees "
        "which places are looked at.",
    )
    pmtiles: Path | None = Field(
        None, description="PMTiles file with raster tiles (PNG, JPEG, WebP), served by the gateway itself."
    )
    attribution: str = Field(
        "", max_length=300, description="Who made the map, as its licence asks for; plain text at the map's edge."
    )
    max_zoom: int = Field(19, ge=1, le=22, description="The closest zoom for which the address has tiles.")
    old_after_min: int = Field(
        15, ge=1, le=1440, description="Minutes after which a position is drawn faded and called old."
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.tiles is not None and self.pmtiles is not None:
            raise ValueError("expected tiles or pmtiles, not both")
        return self

    @property
    def tiles_origin(self) -> str | None:
        """Scheme, host and port of the tiles, for the Content-Security-Policy; None: nothing comes from elsewhere."""
        if self.tiles is None or self.tiles.startswith("/"):
            return None
        parts = urlsplit(self.tiles)
        return f"{parts.scheme}://{parts.netloc}"
