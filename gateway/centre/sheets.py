"""A centre's document in sheets: each holds some entries of one table as JSON text, and is known by its digest.

Where a sheet ends follows from the entries alone. So two versions that differ in one entry share all sheets but one,
and a version of a large house costs what was changed in it.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec

Document: TypeAlias = dict[str, Any]
"""A centre as :func:`gateway.centre.load.to_document` writes it."""

SITE: Final = "centre"
"""The one table that is no list: the house itself."""

Order: TypeAlias = dict[str, list[str]]
"""The digests of a document's sheets, in order, by table."""

USUAL_BYTES: Final = 64 * 1024
"""Of a sheet: reading a whole house is some hundred sheets, and changing an entry rewrites no more than that."""

_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class Sheets(msgspec.Struct, frozen=True):
    """A whole document: which sheets it has, and the text of each."""

    order: Order
    texts: dict[str, bytes]

    @property
    def digest(self) -> str:
        """Of all of it, in hexadecimal digits."""
        return hashlib.sha256(_ENCODER.encode(self.order)).hexdigest()


def text_of(entry: Mapping[str, Any]) -> bytes:
    """An entry as it stands in a sheet: JSON with sorted keys."""
    return _ENCODER.encode(entry)


def bound(tables: Mapping[str, Sequence[bytes]]) -> Sheets:
    """The sheets of a document, from the texts of its entries by table; the house itself is a table of one."""
    order: Order = {}
    texts: dict[str, bytes] = {}
    for table, entries in tables.items():
        order[table] = []
        for part in _parts(entries):
            text = b"[" + b",".join(part) + b"]"
            digest = hashlib.blake2b(text, digest_size=20).hexdigest()
            order[table].append(digest)
            texts[digest] = text
    return Sheets(order, texts)


def sheets_of(document: Mapping[str, Any]) -> Sheets:
    """The sheets of a whole document."""
    tables = {
        table: [text_of(entries)] if table == SITE else [text_of(entry) for entry in entries]
        for table, entries in document.items()
    }
    return bound(tables)


def document_from(order: Order, entries_of: Mapping[str, Iterable[dict[str, Any]]]) -> Document:
    """The document again, from the entries of each of its sheets."""
    document: Document = {
        table: [entry for digest in order[table] for entry in entries_of[digest]] for table in sorted(order)
    }
    if SITE in document:
        [document[SITE]] = document[SITE]
    return document


def entries_in(text: str | bytes) -> list[dict[str, Any]]:
    """The entries of a sheet."""
    return msgspec.json.decode(text, type=list[dict[str, Any]])


def _parts(entries: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Cut behind about every USUAL_BYTES: by what stands in the entry there, so that all other cuts stay where they
    are when an entry comes or goes."""
    begin = 0
    for number, text in enumerate(entries, start=1):
        if zlib.crc32(text) % max(1, USUAL_BYTES // len(text)) == 0:
            yield entries[begin:number]
            begin = number
    if begin < len(entries):
        yield entries[begin:]
