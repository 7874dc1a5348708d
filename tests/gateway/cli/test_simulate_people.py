"""``telecare simulate provider | carers``, as programs of their own."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.brokers import free_port, until
from tests.gateway.cli.desk import telecare

SCRIPT = str(Path(sys.executable).with_name("telecare"))


@asynccontextmanager
async def started(*arguments: object) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        SCRIPT, "simulate", *map(str, arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_provider_takes_messages_and_reports() -> None:
    port = free_port()
    async with started("provider", "--port", port, "--for", 600, "--speed", 1000) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        while f":{port}/sms" not in (line := (await process.stderr.readline()).decode()):
            assert line, "it ended"
        async with httpx.AsyncClient() as client:
            taken = await client.post(f"http://127.0.0.1:{port}/sms", json={"to": "+1", "text": "Hello", "id": "a"})
        assert (taken.status_code, taken.json()) == (202, {"id": "m-0001"})
        message = json.loads(await process.stdout.readline())
        assert (message["to"], message["text"], message["fate"]) == ("+1", "Hello", "taken")


async def test_a_desk_of_carers_takes_webhooks() -> None:
    port = free_port()
    async with started("carers", "--desk", "ignores", "--desk-port", port, "--for", 600) as process:
        assert process.stderr is not None
        assert f":{port}/telecare" in (await process.stderr.readline()).decode()
        async with httpx.AsyncClient() as client:
            done = await client.post(f"http://127.0.0.1:{port}/telecare", json={"link": "http://127.0.0.1:1/a"})
        assert done.status_code == 204


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["provider", "--fates", "taken=1,dancing=2"], "dancing"),
        (["provider", "--fates", "taken=0"], "taken=0"),
        (["provider", "--carer", "+1=sleeps"], "sleeps"),
        (["carers"], "--pager"),
        (["carers", "--pager", "nora"], "nora"),
        (["carers", "--chat", "nora=answers"], "--chat"),
        (["carers", "--pager", "nora=answers", "--password-file", "/no/such"], "--password-file"),
    ],
)
def test_bad_input(arguments: list[object], word: str) -> None:
    telecare("simulate", *arguments).is_bad_input(word)


def test_a_pager_without_a_broker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    ran = telecare("simulate", "carers", "--pager", "nora=answers", "--port", port, "--for", 1)
    assert ran.code == 1
    assert f"127.0.0.1:{port}" in ran.err


async def test_a_port_that_is_taken_is_said() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        ran = await asyncio.to_thread(telecare, "simulate", "provider", "--port", port, "--for", 1)
        await until(lambda: ran.code == 1)
        assert "--port" in ran.err
