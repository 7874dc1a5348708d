"""SIP messages as text: what we write can be read, what others write can't hurt, digests are those of the RFCs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.notify import sip
from gateway.notify.sip import Message, SipError


def made(**more: object) -> Message:
    values = {
        "sender": "sip:house@example.org", "via": "UDP 192.0.2.1:5060", "branch": "z9hG4bKabc", "tag": "t1",
        "call_id": "c1", "number": 1, "content_type": "text/plain", "body": b"hello",
    }  # fmt: skip
    return sip.request("sip:arc@example.net", **{**values, **more})  # type: ignore[arg-type]


def test_a_message_as_the_rfc_wants_it() -> None:
    text = sip.write(made(route="sip:proxy.example.org:5060")).decode()
    head, body = text.split("\r\n\r\n")
    lines = head.split("\r\n")
    assert lines[0] == "MESSAGE sip:arc@example.net SIP/2.0"
    assert lines[1] == "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKabc;rport"
    assert {
        "Max-Forwards: 70", "Route: <sip:proxy.example.org:5060;lr>", "From: <sip:house@example.org>;tag=t1",
        "To: <sip:arc@example.net>", "Call-ID: c1", "CSeq: 1 MESSAGE", "Content-Type: text/plain", "Content-Length: 5",
    } <= set(lines)  # fmt: skip
    assert body == "hello"
    assert not any(line.startswith("Contact") for line in lines)  # RFC 3428, 4: none in a MESSAGE


def test_what_is_written_can_be_read() -> None:
    message = made()
    read = sip.read(sip.write(message))
    assert (read.start, read.body, read.method, read.status) == (message.start, b"hello", "MESSAGE", None)
    assert read.branch == "z9hG4bKabc"
    assert read.header("cseq") == "1 MESSAGE"


def test_short_names_folded_lines_and_trailing_bytes() -> None:
    data = b"SIP/2.0 200 OK\r\nv: SIP/2.0/UDP h;branch=z9hG4bKx\r\nSubject: one\r\n two\r\nl: 2\r\n\r\nabjunk"
    read = sip.read(data)
    assert (read.status, read.branch, read.header("subject"), read.body) == (200, "z9hG4bKx", "one two", b"ab")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"SIP/2.0 700 No\r\n\r\n", b"SIP/2.0 200 OK\r\nno colon\r\n\r\n",
        b"SIP/2.0 200 OK\r\nContent-Length: x\r\n\r\n", b"SIP/2.0 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"SIP/2.0 200 OK\r\nContent-Length: 999999\r\n\r\n", b"SIP/2.0 200 OK\r\n\xff: x\r\n\r\n",
        b"MESSAGE sip:x SIP/2.0\r\nVia: x\r\n", b"SIP/2.0 200 OK\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
    ],
)  # fmt: skip
def test_what_is_no_message(data: bytes) -> None:
    with pytest.raises(SipError):
        sip.read(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    for whole in (data, b"SIP/2.0 200 OK\r\n" + data + b"\r\n\r\n"):
        try:
            message = sip.read(whole)
        except SipError:
            continue
        assert message.status is not None or message.method is not None
        try:
            again = sip.read(sip.write(message))
        except SipError:
            continue
        assert again.body == message.body


@given(st.text(max_size=40))
def test_no_header_can_begin_another_one(text: str) -> None:
    message = Message("SIP/2.0 200 OK", (("subject", text),))
    if any(c in text for c in "\r\n\0"):
        with pytest.raises(SipError):
            sip.write(message)
    else:
        try:
            data = sip.write(message)
        except UnicodeEncodeError:
            return
        assert data.count(b"\r\n") == 4


def test_a_response_copies_what_it_must() -> None:
    request = sip.read(sip.write(made()))
    answer = sip.response(request, 200, "OK", tag="us")
    assert answer.header("via") == request.header("via")
    assert answer.header("to") == "<sip:arc@example.net>;tag=us"
    assert answer.header("content-type") is None
    with pytest.raises(SipError):
        sip.response(Message("MESSAGE sip:x SIP/2.0", ()), 200, "OK", tag="us")


def challenge(*values: str, status: int = 401) -> Message:
    name = "www-authenticate" if status == 401 else "proxy-authenticate"
    return Message(f"SIP/2.0 {status} Unauthorized", tuple((name, value) for value in values))


def answer_to(message: Message, uri: str = "sip:arc@example.net") -> tuple[str, str] | None:
    return sip.credentials(
        message, method="MESSAGE", uri=uri, username="bob", password="zanzibar", nonce="0a4f113b"
    )  # fmt: skip


def test_digest_by_the_book() -> None:
    """The example of RFC 7616, 3.9.1 (GET, both algorithms), which RFC 8760 takes over for SIP."""
    nonce, opaque = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"
    given_ = {
        name: f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={name}, '
        f'nonce="{nonce}", opaque="{opaque}"'
        for name in ("MD5", "SHA-256")
    }
    expected = {
        "MD5": "8ca523f5e9506fed4657c9700eebdbec",
        "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
    }
    for name, value in given_.items():
        found = sip.credentials(
            challenge(value), method="GET", uri="/dir/index.html", username="Mufasa", password="Circle of Life",
            nonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        )  # fmt: skip
        assert found is not None
        assert found[0] == "authorization"
        assert f'response="{expected[name]}"' in found[1]
        assert f'opaque="{opaque}"' in found[1]
        assert f"algorithm={name}, qop=auth, nc=00000001" in found[1]


def test_the_stronger_digest_and_the_proxy() -> None:
    md5, sha = ('Digest realm="r", nonce="n"', 'Digest realm="r", nonce="n", algorithm=SHA-256')
    found = answer_to(challenge(md5, sha, status=407))
    assert found is not None
    assert found[0] == "proxy-authorization"
    assert "algorithm=SHA-256" in found[1]
    assert "qop" not in found[1]  # RFC 2069 style: nothing was offered


@pytest.mark.parametrize(
    "value",
    ['Basic realm="r"', 'Digest realm="r"', 'Digest nonce="n"', "", 'Digest realm="r", nonce="n", algorithm=AKAv1'],
)
def test_a_challenge_that_we_cannot_meet(value: str) -> None:
    assert answer_to(challenge(value)) is None


@given(st.text(max_size=100))
def test_any_challenge_is_met_or_not(value: str) -> None:
    found = answer_to(challenge(f"Digest {value}"))
    assert found is None or found[1].startswith("Digest ")


@pytest.mark.parametrize(
    ("text", "host", "port", "transport"),
    [
        ("sip:arc@example.net", "example.net", None, None),
        ("sips:arc@192.0.2.7:5061", "192.0.2.7", 5061, None),
        ("sip:[2001:db8::1]:5060;transport=TCP", "[2001:db8::1]", 5060, "tcp"),
    ],
)
def test_addresses(text: str, host: str, port: int | None, transport: str | None) -> None:
    found = sip.address(text)
    assert (found.host, found.port, found.transport) == (host, port, transport)
    assert sip.address(str(found)).host == host


@pytest.mark.parametrize(
    "text", ["", "arc@example.net", "http://x", "sip:a b@c", "sip:a@b:0", "sip:a@b:70000", "sip:a@b\r\n"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SipError):
        sip.address(text)
