"""How long the certificates of the gateway are good for."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509

SOON: Final = timedelta(days=21)
"""Automatic renewals happen a month ahead; a certificate with less than three weeks was not renewed."""


class Certificate(msgspec.Struct, frozen=True):
    """The first certificate of a PEM file; ``until`` (UTC) None: it can't be read, and ``problem`` says why.

    ``other``: the file holds another one by now, which was not taken into use; ``until`` is that of the one in use.
    """

    name: str
    until: datetime | None
    problem: str | None
    other: bool = False


def certificates(files: Mapping[str, Path], in_use: Mapping[str, bytes] | None = None) -> list[Certificate]:
    """What is in use, and else what the files say; a file that can't be read is told, not raised.

    Args:
        files: PEM files by what they are for, such as ``broker.tls.cert``.
        in_use: PEM texts of those that are known to be shown to others now.
    """
    return [_read(name, path, (in_use or {}).get(name)) for name, path in files.items()]


def _read(name: str, path: Path, shown: bytes | None) -> Certificate:
    try:
        written = path.read_bytes()
    except OSError as error:
        if shown is None:
            return Certificate(name, None, error.strerror or "can't be read")
        written = b""
    try:
        found = x509.load_pem_x509_certificate(written if shown is None else shown)
    except ValueError:
        return Certificate(name, None, "no PEM certificate")
    return Certificate(name, found.not_valid_after_utc, None, other=shown is not None and shown != written)
