"""HTTPS without a proxy: the certificate, and the next one."""

import asyncio
import ssl
from pathlib import Path

import httpx
import pytest

from gateway.errors import ListenError
from gateway.ingest.http_listener import HttpListener
from gateway.ingest.http_options import HttpOptions
from tests.brokers import Certificates, certificates, until  # noqa: F401 - one is a fixture
from tests.gateway.http.post import SENDERS, Life, living


async def test_tls(tmp_path: Path, certificates: Certificates) -> None:  # noqa: F811
    options = HttpOptions(cert=certificates.server, key=certificates.server_key)
    trust = ssl.create_default_context(cafile=str(certificates.ca))
    async with living(tmp_path, options=options, scheme="https", verify=trust) as life:
        assert (await life.press()).status_code == 200
        async with httpx.AsyncClient() as plain:
            with pytest.raises(httpx.TransportError):
                await plain.post(f"http://127.0.0.1:{life.port}/in/traccar", content=b"{}")


async def test_a_renewed_certificate_is_taken_up_without_a_restart(
    tmp_path: Path,
    certificates: Certificates,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.ingest.http_certificate.LOOK_EVERY_S", 0.02)
    cert, key = tmp_path / "http.pem", tmp_path / "http.key"

    def write(pem: Path, secret: Path) -> bytes:
        cert.write_bytes(pem.read_bytes())
        key.write_bytes(secret.read_bytes())
        return ssl.PEM_cert_to_DER_cert(pem.read_text())

    async def shown(life: Life, host: str | None) -> bytes:
        """The certificate of a new handshake, by a client that names a host, or none."""
        unchecked = ssl._create_unverified_context()
        _, writing = await asyncio.open_connection("127.0.0.1", life.port, ssl=unchecked, server_hostname=host or "")
        der: bytes = writing.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writing.close()
        return der

    first = write(certificates.server, certificates.server_key)
    trust = ssl.create_default_context(cafile=str(certificates.ca))
    options = HttpOptions(cert=cert, key=key)
    async with living(tmp_path, options=options, scheme="https", verify=trust) as life:
        assert [await shown(life, host) for host in (None, "localhost")] == [first, first]
        assert (await life.press()).status_code == 200
        cert.write_bytes(certificates.client.read_bytes())  # its key comes later, or never
        await asyncio.sleep(0.1)
        assert await shown(life, None) == first
        assert life.listener.certificate == certificates.server.read_bytes()
        second = write(certificates.client, certificates.client_key)
        await until(lambda: life.listener.certificate == certificates.client.read_bytes())
        assert [await shown(life, host) for host in (None, "localhost")] == [second, second] != [first, first]
        assert (await life.press()).status_code == 200  # by the connection from before
    assert life.listener.certificate is None


async def test_a_certificate_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    options = HttpOptions(cert=tmp_path / "cert.pem", key=tmp_path / "cert.pem")
    with pytest.raises(ListenError, match="certificate"):
        await HttpListener(options, senders=SENDERS, lanes={}).serve()
