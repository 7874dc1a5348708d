"""Photos of residents: a small file beside the centre file, kept in the centre as a data URL (RFC 2397)."""

import base64
import binascii
from typing import Any, Final

from gateway.centre.files import Beside
from gateway.errors import Problem
from gateway.problems import shown

LARGEST: Final = 200 * 1024
"""Bytes of a photo: enough for a face on a telephone, and every version of the centre holds it again."""

LONGEST: Final = LARGEST * 4 // 3 + 100

_BEGIN: Final = "data:"
_KINDS: Final[tuple[tuple[str, bytes], ...]] = (
    ("image/jpeg", b"\xff\xd8\xff"),
    ("image/png", b"\x89PNG\r\n\x1a\n"),
    ("image/webp", b"RIFF"),
)
_EXPECTED: Final = f"expected the name of a JPEG, PNG or WebP file of at most {LARGEST // 1024} KiB"


def checked(value: str) -> str:
    """A data URL whose content is what it says.

    Raises:
        ValueError: it is none.
    """
    bytes_of(value)
    return value


def bytes_of(value: str) -> tuple[str, bytes]:
    """Media type and bytes of a data URL.

    Raises:
        ValueError: it is none, or not of a kind that is shown.
    """
    head, comma, encoded = value.partition(",")
    for kind, magic in _KINDS:
        if comma and head == f"{_BEGIN}{kind};base64":
            try:
                data = base64.b64decode(encoded, validate=True)
            except binascii.Error:
                break
            if data.startswith(magic) and len(data) <= LARGEST:
                return kind, data
    raise ValueError(_EXPECTED)


def read_into(document: dict[str, Any], file: str, beside: Beside) -> list[Problem]:
    """Put each photo's data URL in the place of its file's name; returns what is wrong."""
    problems: list[Problem] = []
    residents = document.get("residents")
    for number, resident in enumerate(residents if isinstance(residents, list) else []):
        name = resident.get("photo") if isinstance(resident, dict) else None
        if not isinstance(name, str) or name.startswith(_BEGIN):
            continue
        url = _read(name, beside)
        if url is None:
            problems.append(Problem(file, f"residents[{number}].photo", shown(name), _EXPECTED))
            del resident["photo"]
        else:
            resident["photo"] = url
    return problems


def _read(name: str, beside: Beside) -> str | None:
    try:
        data = beside.read(name, LARGEST)
    except ValueError:
        return None
    for kind, magic in _KINDS:
        if data.startswith(magic):
            return f"{_BEGIN}{kind};base64,{base64.b64encode(data).decode()}"
    return None
