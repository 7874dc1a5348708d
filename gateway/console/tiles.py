"""Pictures of the map: raster tiles out of a local PMTiles file, and Leaflet out of its installed package."""

import gzip
import hashlib
import os
import weakref
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import structlog
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from pmtiles.reader import Reader
from pmtiles.tile import Compression, MagicNumberNotFound, SpecVersionUnsupported, TileType

from gateway.console import ops
from gateway.console.guards import at_least
from gateway.console.routing import Router
from gateway.errors import ConsoleError
from gateway.settings.map import Map

_LOG = structlog.get_logger(__name__)

_MEDIA: Final = {
    TileType.PNG: "image/png",
    TileType.JPEG: "image/jpeg",
    TileType.WEBP: "image/webp",
}
_LEAFLET: Final = {
    "leaflet.js": "text/javascript; charset=utf-8",
    "leaflet.css": "text/css; charset=utf-8",
    "images/layers.png": "image/png",
    "images/layers-2x.png": "image/png",
    "images/marker-icon.png": "image/png",
}
"""What pages ask for; source maps and the readable copies are not served."""

_DAY_S: Final = 24 * 3600
_DEEPEST: Final = 31


class Tiles:
    """A PMTiles file, read where a tile stands in it; it may be larger than the memory.

    Raises:
        ConsoleError: it can't be read, is no PMTiles file, or holds vector tiles.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = _File(path)
            self._reader = Reader(self._file.part)  # type: ignore[no-untyped-call]
            header: dict[str, Any] = self._reader.header()  # type: ignore[no-untyped-call]
        except (OSError, EOFError, ValueError, MagicNumberNotFound, SpecVersionUnsupported) as error:
            raise ConsoleError(
                f"console.map.pmtiles: {path}: it can't be read as a PMTiles file of version 3 "
                f"({error or type(error).__name__})."
            ) from error
        kind = header["tile_type"]
        if kind not in _MEDIA:
            word = "vector" if kind.name in {"MVT", "MLT"} else kind.name.lower()
            raise ConsoleError(
                f"console.map.pmtiles: {path}: it holds {word} tiles, and the map can draw raster tiles only (PNG, "
                "JPEG, WebP). Make a raster file of it, or leave the setting out: the map works without."
            )
        if header["tile_compression"] not in {Compression.NONE, Compression.UNKNOWN}:
            raise ConsoleError(
                f"console.map.pmtiles: {path}: its tiles are compressed once more; pictures should not be."
            )
        self.media_type = _MEDIA[kind]
        self.min_zoom, self.max_zoom = int(header["min_zoom"]), int(header["max_zoom"])
        self.version = hashlib.sha256(repr(self._file.stamp).encode()).hexdigest()[:12]
        """Another file, another address: browsers may keep tiles."""
        self._known = lru_cache(256)(self._tile)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The picture of a tile; None: the file has none there, or somebody writes over it."""
        if self._file.changed():
            return None
        try:
            return self._known(z, x, y)
        except Exception as error:  # noqa: BLE001 - a file that changes under us can be wrong in any way
            _LOG.warning("map.tile_unreadable", error=type(error).__name__)
            return None

    def _tile(self, z: int, x: int, y: int) -> bytes | None:
        if not 0 <= z <= _DEEPEST or not (0 <= x < 1 << z and 0 <= y < 1 << z):
            return None
        found: bytes | None = self._reader.get(z, x, y)  # type: ignore[no-untyped-call]
        return found


class _File:
    """A file that is read piece by piece. It is not mapped into memory: whoever copies a new map over it makes it
    shorter for a moment, and to touch what is not there any more would end the whole process (SIGBUS)."""

    def __init__(self, path: Path) -> None:
        self._number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        weakref.finalize(self, os.close, self._number)
        self.stamp = self._now()

    def part(self, offset: int, length: int) -> bytes:
        """So many bytes from there on.

        Raises:
            EOFError: the file is shorter.
        """
        found = os.pread(self._number, length, offset)
        if len(found) < length:
            raise EOFError("the file is shorter than it says")
        return found

    def changed(self) -> bool:
        """Somebody writes over it; a new file in its place is another one, and this one stays as it was."""
        return self._now() != self.stamp

    def _now(self) -> tuple[int, int]:
        stat = os.fstat(self._number)
        return stat.st_size, stat.st_mtime_ns


class Leaflet:
    """Leaflet's files from the installed package, under a digest of what they are."""

    def __init__(self) -> None:
        folder = resources.files("xstatic.pkg.leaflet") / "data"
        self._files = {name: folder.joinpath(*name.split("/")).read_bytes() for name in _LEAFLET}
        self._packed = {
            name: gzip.compress(body, mtime=0) for name, body in self._files.items() if not name.endswith(".png")
        }
        digest = hashlib.sha256(b"".join(self._files[name] for name in sorted(self._files))).hexdigest()[:12]
        self.url = f"/leaflet/{digest}"

    def response(self, request: Request[Any, Any, Any], name: str) -> Response[bytes]:
        """A file, packed for browsers that take it so (all do); 404 for everything else."""
        if name not in self._files:
            raise NotFoundException
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        body = self._files[name]
        if name in self._packed and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = self._packed[name], "gzip"
        return Response(body, media_type=_LEAFLET[name], headers=headers)


class Ground:
    """What lies under the map, as the pages need it."""

    def __init__(self, settings: Map) -> None:
        self.settings = settings
        self.leaflet = Leaflet()
        self.tiles: Tiles | None = None
        try:
            self.tiles = None if settings.pmtiles is None else Tiles(settings.pmtiles)
        except ConsoleError as error:
            _LOG.error("map.no_tiles", error=str(error))  # alarms must be heard with or without a street map

    @property
    def template(self) -> str | None:
        """The address of a tile with its blanks; None: there are no tiles."""
        if self.tiles is not None:
            return f"/tiles/{{z}}/{{x}}/{{y}}?v={self.tiles.version}"
        return self.settings.tiles

    @property
    def max_zoom(self) -> int:
        """The closest zoom that has tiles; closer than that they are enlarged."""
        return self.settings.max_zoom if self.tiles is None else self.tiles.max_zoom

    def router(self) -> Router:
        """GET /tiles/{z}/{x}/{y} for who is signed in, GET /leaflet/{digest}/{name} for everybody."""

        @get("/tiles/{z:int}/{x:int}/{y:int}", guards=[at_least("relative")], sync_to_thread=True)
        def tile(z: FromPath[int], x: FromPath[int], y: FromPath[int]) -> Response[bytes]:
            found = None if self.tiles is None else self.tiles.tile(z, x, y)
            if found is None or self.tiles is None:
                raise NotFoundException
            headers = {"Cache-Control": f"private, max-age={_DAY_S}"}
            return Response(found, media_type=self.tiles.media_type, headers=headers)

        @get(f"{self.leaflet.url}/{{name:path}}", opt=ops.OPEN)
        async def leaflet(request: Request[Any, Any, Any], name: FromPath[Path]) -> Response[bytes]:
            return self.leaflet.response(request, str(name).lstrip("/"))

        return Router("/", route_handlers=[tile, leaflet], include_in_schema=False)
