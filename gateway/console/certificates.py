"""How long the certificates of the gateway are good for."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509


class Certificate(msgspec.Struct, frozen=True):
    """The first certificate of a PEM file; ``until`` (UTC) None: it can't be read, and ``problem`` says why."""

    name: str
    until: datetime | None
    problem: str | None


def certificates(files: Mapping[str, Path]) -> list[Certificate]:
    """What the files say; a file that can't be read is told, not raised.

    Args:
        files: PEM files by what they are for, such as ``broker.tls.cert``.
    """
    return [_read(name, path) for name, path in files.items()]


def _read(name: str, path: Path) -> Certificate:
    try:
        found = x509.load_pem_x509_certificate(path.read_bytes())
    except OSError as error:
        return Certificate(name, None, error.strerror or "can't be read")
    except ValueError:
        return Certificate(name, None, "no PEM certificate")
    return Certificate(name, found.not_valid_after_utc, None)
