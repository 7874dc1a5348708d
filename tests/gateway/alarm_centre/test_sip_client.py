"""The SIP client against real sockets: what is lost is sent again, what is refused is not, and sipp understands it."""

import asyncio
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.notify import sip
from gateway.notify.channel import PermanentFailure, TemporaryFailure
from gateway.notify.sip import Message
from gateway.notify.sip_client import SipClient
from tests.brokers import PATIENCE_S
from tests.gateway.alarm_centre.peer import Script, UdpCentre, says

TO = "sip:arc@127.0.0.1"


@asynccontextmanager
async def talking(script: Script, **more: object) -> AsyncIterator[tuple[SipClient, UdpCentre]]:
    centre = await UdpCentre(script).start()
    options: dict[str, object] = {"transport": "udp", "sender": "sip:house@localhost", "t1_s": 0.02, "t2_s": 0.05}
    client = SipClient("127.0.0.1", centre.port, **{**options, **more})  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(PATIENCE_S):
            yield client, centre
    finally:
        await client.close()
        centre.stop()


async def test_sent_and_answered() -> None:
    async with talking(says(200)) as (client, centre):
        reply = await client.message(TO, "text/plain", b"hello")
        assert (reply.status, [one.body for one in centre.heard]) == (200, [b"hello"])
        assert centre.heard[0].header("content-type") == "text/plain"


async def test_what_is_lost_is_sent_again_as_it_was() -> None:
    def script(request: Message, number: int) -> list[Message | None]:
        return says(200)(request, number) if number == 3 else [None]

    async with talking(script) as (client, centre):
        await client.message(TO, "text/plain", b"x")
        assert len(centre.heard) == 4
        assert len({one.branch for one in centre.heard}) == 1
        assert len({one.header("call-id") for one in centre.heard}) == 1


async def test_nobody_answers() -> None:
    async with talking(lambda *_: [], t1_s=0.005, t2_s=0.02) as (client, centre):
        with pytest.raises(TemporaryFailure, match=r"no answer within 0\.32 s"):
            await client.message(TO, "text/plain", b"x")
        assert 10 <= len(centre.heard) <= 20  # 5, 15, then every 20 ms


async def test_a_provisional_answer_slows_the_repetition_down() -> None:
    def script(request: Message, number: int) -> list[Message | None]:
        return [sip.response(request, 100 if number == 0 else 200, "Trying", tag="x")]

    async with talking(script, t1_s=0.01, t2_s=0.1) as (client, centre):
        assert (await client.message(TO, "text/plain", b"x")).status == 200
        assert len(centre.heard) == 2


@pytest.mark.parametrize(
    ("status", "kind", "wait"),
    [
        (404, PermanentFailure, None), (403, PermanentFailure, None), (603, PermanentFailure, None),
        (401, PermanentFailure, None), (480, TemporaryFailure, None), (486, TemporaryFailure, None),
        (503, TemporaryFailure, 7.0), (500, TemporaryFailure, None),
    ],
)  # fmt: skip
async def test_what_a_status_means(status: int, kind: type[Exception], wait: float | None) -> None:
    headers = (("retry-after", "7 (maintenance)"),) if wait else ()
    async with talking(says(status, headers=headers)) as (client, _):
        with pytest.raises(kind, match=f"SIP status {status}") as caught:
            await client.message(TO, "text/plain", b"x")
    assert getattr(caught.value, "retry_after_s", None) == wait


def asks_who(status: int = 407) -> Callable[[Message, int], list[Message | None]]:
    name, wanted = (
        ("www-authenticate", "authorization") if status == 401 else ("proxy-authenticate", "proxy-authorization")
    )

    def script(request: Message, number: int) -> list[Message | None]:
        if request.header(wanted) is None:
            challenge = (name, 'Digest realm="house", nonce="n1", qop="auth", algorithm=SHA-256')
            return says(status, headers=(challenge,))(request, number)
        good = 'username="house"' in (request.header(wanted) or "")
        return says(200 if good else 403)(request, number)

    return script


@pytest.mark.parametrize("status", [401, 407])
async def test_credentials_are_given_when_asked_for(status: int) -> None:
    async with talking(asks_who(status), username="house", password="secret") as (client, centre):
        assert (await client.message(TO, "text/plain", b"x")).status == 200
        first, second = centre.heard
        assert (first.header("cseq"), second.header("cseq")) == ("1 MESSAGE", "2 MESSAGE")
        assert first.header("call-id") == second.header("call-id")
        assert first.branch != second.branch
        assert b"secret" not in sip.write(second)


async def test_the_answer_may_come_as_a_message_of_its_own() -> None:
    async with talking(lambda *_: []) as (client, centre):

        def script(request: Message, number: int) -> list[Message | None]:
            back = sip.request(
                "sip:house@localhost", sender=TO, via="UDP 127.0.0.1:1", branch="z9hG4bKback", tag="a", call_id="b",
                number=1, content_type="text/plain", body=b"answer",
            )  # fmt: skip
            strange = Message("INVITE sip:house@localhost SIP/2.0", back.headers)
            return [strange, *says(200)(request, number), back]

        centre.script = script
        reply = await client.message(TO, "text/plain", b"x", answers=lambda body: body == b"answer")
        assert reply.body == b"answer"
        async with asyncio.timeout(PATIENCE_S):
            while len(centre.answers) < 2:
                await asyncio.sleep(0.005)
        assert [one.status for one in centre.answers] == [405, 200]


async def test_noise_on_the_socket_is_passed_over() -> None:
    def script(request: Message, number: int) -> list[Message | None]:
        other = sip.response(request, 200, "OK", tag="x")
        elsewhere = Message(other.start, tuple((n, v.replace("z9hG4bK", "z9hG4bKno")) for n, v in other.headers))
        return [elsewhere, *([] if number == 0 else says(486)(request, number))]

    async with talking(script) as (client, _):
        with pytest.raises(TemporaryFailure, match="486"):  # not the 200 of another transaction
            await client.message(TO, "text/plain", b"x")


async def test_many_at_once_keep_apart() -> None:
    def script(request: Message, number: int) -> list[Message | None]:
        answer = sip.response(request, 200, "OK", tag="x")
        return [Message(answer.start, answer.headers, b"re " + request.body)]

    async with talking(script) as (client, _):
        sent = [f"n{number}".encode() for number in range(20)]
        replies = await asyncio.gather(*(client.message(TO, "text/plain", body) for body in sent))
        assert [reply.body for reply in replies] == [b"re " + body for body in sent]


async def test_tcp_in_pieces_and_after_a_lost_connection() -> None:
    served: list[Message] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        message = sip.read_head(head.removesuffix(b"\r\n\r\n"))
        body = await reader.readexactly(sip.content_length(message) or 0)
        served.append(Message(message.start, message.headers, body))
        if len(served) == 1:
            writer.close()  # no answer at all
            return
        answer = sip.response(message, 200, "OK", tag="x")
        data = b"\r\n\r\n" + sip.write(Message(answer.start, answer.headers, b"read"))
        for at in range(0, len(data), 7):
            writer.write(data[at : at + 7])
            await writer.drain()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = SipClient("127.0.0.1", port, transport="tcp", sender="sip:house@localhost", route=True)
    try:
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(TemporaryFailure):
                await client.message(TO, "text/plain", b"x" * 3000)
            reply = await client.message(TO, "text/plain", b"x" * 3000)
    finally:
        await client.close()
        server.close()
    assert reply.body == b"read"
    assert served[1].body == b"x" * 3000
    assert served[1].header("route") == f"<sip:127.0.0.1:{port};transport=tcp;lr>"


async def test_nobody_listens() -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    client = SipClient("127.0.0.1", port, transport="tcp", sender="sip:house@localhost")
    with pytest.raises(TemporaryFailure, match="no connection"):
        await client.message(TO, "text/plain", b"x")


SCENARIO = """<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="alarm receiving centre">
  <recv request="MESSAGE"><action>
    <ereg regexp="hello sipp" search_in="body" check_it="true" assign_to="1"/>
  </action></recv>
  <send><![CDATA[
    SIP/2.0 200 OK
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Type: text/plain
    Content-Length: [len]

    taken
  ]]></send>
  <Reference variables="1" />
</scenario>
"""


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_sipp_understands_it(tmp_path: Path, transport: str) -> None:
    sipp = shutil.which("sipp")
    if sipp is None:
        pytest.skip("sipp is not installed (Debian: apt-get install sip-tester)")
    (tmp_path / "arc.xml").write_text(SCENARIO)
    with socket.socket(type=socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM) as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    centre = subprocess.Popen(
        [sipp, "-sf", "arc.xml", "-i", "127.0.0.1", "-p", str(port), "-m", "1", "-t", f"{transport[0]}1", "-nostdin",
         "-timeout", f"{PATIENCE_S:.0f}s", "-timeout_error"],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    client = SipClient("127.0.0.1", port, transport=transport, sender="sip:house@localhost")  # type: ignore[arg-type]
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    reply = await client.message(f"sip:arc@127.0.0.1:{port}", "text/plain", b"hello sipp")
                    break
                except TemporaryFailure:  # it is still starting
                    await asyncio.sleep(0.05)
        assert (reply.status, reply.body.strip()) == (200, b"taken")
        assert await asyncio.to_thread(centre.wait, PATIENCE_S) == 0  # it saw one whole good call
    finally:
        await client.close()
        centre.kill()
        centre.communicate()
