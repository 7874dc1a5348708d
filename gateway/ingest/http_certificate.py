"""The certificate of the listener for POSTs: a renewed file is taken up without a restart.

Whoever renews certificates (certbot, or a person) only writes files. Each handshake gets the newest certificate that
could be used together with its key; a file that is half written, or whose key does not fit, changes nothing.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Final

import structlog

from gateway.errors import ListenError

_LOG = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 2.0
"""Real seconds between looks at the files: two calls of ``stat``. Writing certificate and key takes less."""

_Signature = tuple[tuple[int, int, int], ...]


class HttpCertificate:
    """What a listener shows to whoever connects.

    Args:
        cert: PEM file of the certificate and of those between it and its authority.
        key: PEM file of its private key, without a password; None: it stands in ``cert``.

    Raises:
        ListenError: they can't be used.
    """

    def __init__(self, cert: Path, key: Path | None) -> None:
        self._cert = cert
        self._key = key
        self._seen = self._signature()
        try:
            self.pem, self._newest = self._load()
        except (OSError, ssl.SSLError) as error:
            raise ListenError(f"http: the certificate or its key can't be used: {error}") from error
        self.context = self._newest
        """For the server: each handshake takes the newest one."""
        # also asked when the client names no host
        self.context.sni_callback = self._choose

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            self.look()

    def look(self) -> None:
        """Take up what is in the files now, when they have changed."""
        signature = self._signature()
        if signature == self._seen:
            return
        self._seen = signature
        try:
            self.pem, self._newest = self._load()
        except (OSError, ssl.SSLError) as error:
            _LOG.error("http.certificate_not_renewed", cert=str(self._cert), error=str(error))
        else:
            _LOG.info("http.certificate_renewed", cert=str(self._cert))

    def _load(self) -> tuple[bytes, ssl.SSLContext]:
        pem = self._cert.read_bytes()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # a password would be asked for at the terminal, and everything would wait for it
        context.load_cert_chain(self._cert, self._key, password="")
        return pem, context

    def _choose(self, connection: ssl.SSLObject, _host: str | None, _asked: ssl.SSLContext) -> None:
        connection.context = self._newest

    def _signature(self) -> _Signature:
        """Changes when one of the files does, also when it is a link that leads elsewhere; zeros: it is gone."""
        found = []
        for path in (self._cert, self._key):
            try:
                one = path.stat() if path is not None else None
            except OSError:
                one = None
            found.append((0, 0, 0) if one is None else (one.st_ino, one.st_mtime_ns, one.st_size))
        return tuple(found)
