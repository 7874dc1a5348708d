"""SIP messages as text: building and reading them. No network and no clock here; gateway.notify.sip_client has those.

Only what sending a MESSAGE takes (RFC 3428): requests, responses, and digest authentication (RFC 3261, chapter 22,
with SHA-256 of RFC 8760). What comes in is untrusted: everything that is not a whole message is a :class:`SipError`.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from gateway.errors import GatewayError

LARGEST: Final = 64 * 1024
"""Bytes of a message that are taken: a UDP datagram can't be larger."""

_COMPACT: Final = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length", "c": "content-type", "m": "contact",
    "s": "subject", "k": "supported", "e": "content-encoding",
}  # fmt: skip
"""RFC 3261, 7.3.3: short forms of header names."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_STATUS: Final = re.compile(r"SIP/2\.0 ([1-6][0-9]{2}) (.*)")
_REQUEST: Final = re.compile(r"([A-Z]{1,32}) (\S{1,1000}) SIP/2\.0")
_PARAMETER: Final = re.compile(r"""([A-Za-z0-9\-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))""")
_URI: Final = re.compile(
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()&=+$,;?/%]+)@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(?::([0-9]{1,5}))?"
    r"((?:;[A-Za-z0-9\-_.]+(?:=[A-Za-z0-9\-_.]+)?)*)"
)


class SipError(GatewayError):
    """That is no SIP message, or none that can be used."""


class Message(msgspec.Struct, frozen=True):
    """A request or a response. ``headers`` are in order, with the names in small letters and written out."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def status(self) -> int | None:
        """The status of a response; None: it is a request."""
        found = _STATUS.fullmatch(self.start)
        return None if found is None else int(found[1])

    @property
    def method(self) -> str | None:
        """The method of a request; None: it is a response."""
        found = _REQUEST.fullmatch(self.start)
        return None if found is None else found[1]

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for known, value in self.headers if known == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every header of that name."""
        return tuple(value for known, value in self.headers if known == name)

    @property
    def branch(self) -> str | None:
        """The branch of the topmost Via: which transaction a response belongs to."""
        via = self.header("via")
        found = None if via is None else re.search(r";\s*branch\s*=\s*([^\s;,]+)", via)
        return None if found is None else found[1]


class Address(msgspec.Struct, frozen=True):
    """The parts of a SIP address (RFC 3261, 19.1)."""

    scheme: str
    user: str | None
    host: str
    port: int | None
    transport: str | None

    def __str__(self) -> str:
        """As it is written in a message."""
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}:{user}{self.host}{port}"


def address(text: str) -> Address:
    """Take a SIP address apart.

    Raises:
        SipError: it is none.
    """
    found = _URI.fullmatch(text)
    port = None if found is None or found[4] is None else int(found[4])
    if found is None or port == 0 or (port or 0) > 65535:
        raise SipError("expected a SIP address such as sip:alarm@arc.example.org")
    transport = re.search(r";transport=(\w+)", found[5], re.IGNORECASE)
    return Address(found[1], found[2], found[3], port, None if transport is None else transport[1].lower())


def read(data: bytes) -> Message:
    """A whole message from its bytes; what follows after Content-Length is left out.

    Raises:
        SipError: it is none, or not whole.
    """
    head, mark, body = data.partition(b"\r\n\r\n")
    if not mark or len(data) > LARGEST:
        raise SipError("no whole SIP message")
    message = read_head(head)
    length = content_length(message)
    if length is None:
        return msgspec.structs.replace(message, body=body)
    if length > len(body):
        raise SipError("the body is shorter than Content-Length says")
    return msgspec.structs.replace(message, body=body[:length])


def read_head(head: bytes) -> Message:
    """Start line and headers, without the empty line after them.

    Raises:
        SipError: they are none.
    """
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SipError("the headers are no UTF-8") from error
    lines = re.sub(r"\r\n[ \t]+", " ", text).split("\r\n")
    if not _STATUS.fullmatch(lines[0]) and not _REQUEST.fullmatch(lines[0]):
        raise SipError("the first line is neither a request nor a status")
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if not colon or not _TOKEN.fullmatch(name) or any(c in value for c in "\r\n\0"):
            raise SipError("a header line without a name")
        headers.append((_COMPACT.get(name, name), value.strip()))
    return Message(lines[0], tuple(headers))


def content_length(message: Message) -> int | None:
    """What Content-Length says; None: it is not there.

    Raises:
        SipError: it is no number, or more than is taken.
    """
    said = message.header("content-length")
    if said is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", said) or int(said) > LARGEST:
        raise SipError("Content-Length is no number that can be used")
    return int(said)


def write(message: Message) -> bytes:
    """The bytes of a message; Content-Length is added.

    Raises:
        SipError: a line break in a header: it would begin another one.
    """
    headers = [(name, value) for name, value in message.headers if name != "content-length"]
    headers.append(("content-length", str(len(message.body))))
    lines = [message.start, *(f"{_title(name)}: {value}" for name, value in headers)]
    if any(c in line for line in lines for c in "\r\n\0"):
        raise SipError("a line break in a header")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + message.body


def request(
    to: str,
    *,
    sender: str,
    via: str,
    branch: str,
    tag: str,
    call_id: str,
    number: int,
    content_type: str,
    body: bytes,
    route: str | None = None,
    more: Sequence[tuple[str, str]] = (),
) -> Message:
    """A MESSAGE request (RFC 3428).

    Args:
        to: SIP address of the receiver.
        sender: SIP address that it comes from.
        via: transport and own host and port, such as ``UDP 192.0.2.1:5060``.
        branch: of this transaction; begins with z9hG4bK.
        tag: of the sender in this dialogue.
        call_id: the same for a request and its repetition with credentials.
        number: CSeq.
        content_type: of the body.
        body: at most some 1,000 bytes over UDP (RFC 3261, 18.1.1).
        route: SIP address of a proxy to go through.
        more: further headers, such as Authorization.
    """
    headers = [
        ("via", f"SIP/2.0/{via};branch={branch};rport"),
        ("max-forwards", "70"),
        *([("route", f"<{route};lr>")] if route else []),
        ("from", f"<{sender}>;tag={tag}"),
        ("to", f"<{to}>"),
        ("call-id", call_id),
        ("cseq", f"{number} MESSAGE"),
        ("user-agent", "telecare-gateway"),
        *more,
        ("content-type", content_type),
    ]
    return Message(f"MESSAGE {to} SIP/2.0", tuple(headers), body)


def response(to: Message, status: int, reason: str, *, tag: str) -> Message:
    """The response to a request (RFC 3261, 8.2.6).

    Raises:
        SipError: the request lacks what an answer needs.
    """
    copied = [(name, value) for name, value in to.headers if name in {"via", "from", "to", "call-id", "cseq"}]
    if {name for name, _ in copied} != {"via", "from", "to", "call-id", "cseq"}:
        raise SipError("a request that can't be answered")
    headers = [(n, f"{v};tag={tag}" if n == "to" and ";tag=" not in v else v) for n, v in copied]
    return Message(f"SIP/2.0 {status} {reason}", tuple(headers))


def credentials(
    answer: Message, *, method: str, uri: str, username: str, password: str, nonce: str
) -> tuple[str, str] | None:
    """The header that a 401 or 407 asks for; None: it asks for nothing that we can do.

    Args:
        answer: the response with the challenge.
        method: of the request.
        uri: of the request.
        username: who we are there.
        password: its password; never logged.
        nonce: our own, random.
    """
    ours = "authorization" if answer.status == 401 else "proxy-authorization"
    theirs = "www-authenticate" if answer.status == 401 else "proxy-authenticate"
    for name in ("SHA-256", "MD5"):  # RFC 8760, 2.4: the strongest that both know
        for challenge in answer.all(theirs):
            scheme, _, rest = challenge.partition(" ")
            asked = {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(rest)}
            usable = scheme.lower() == "digest" and "nonce" in asked and "realm" in asked
            if usable and asked.get("algorithm", "MD5").upper() == name:
                return ours, _digest(asked, name, method, uri, username, password, nonce)
    return None


def _digest(
    asked: Mapping[str, str], algorithm: str, method: str, uri: str, username: str, password: str, nonce: str
) -> str:
    def hashed(*parts: str) -> str:
        data = ":".join(parts).encode()
        if algorithm == "MD5":
            return hashlib.md5(data, usedforsecurity=False).hexdigest()
        return hashlib.sha256(data).hexdigest()

    secret, what = hashed(username, asked["realm"], password), hashed(method, uri)
    fields = {"username": username, "realm": asked["realm"], "nonce": asked["nonce"], "uri": uri}
    if "auth" in re.split(r"\s*,\s*", asked.get("qop", "")):
        fields["response"] = hashed(secret, asked["nonce"], "00000001", nonce, "auth", what)
        fields["cnonce"] = nonce
        bare = f", algorithm={algorithm}, qop=auth, nc=00000001"
    else:
        fields["response"] = hashed(secret, asked["nonce"], what)
        bare = f", algorithm={algorithm}"
    if "opaque" in asked:
        fields["opaque"] = asked["opaque"]
    return "Digest " + ", ".join(f'{key}="{value}"' for key, value in fields.items()) + bare


def _title(name: str) -> str:
    special = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
    return special.get(name) or "-".join(part.capitalize() for part in name.split("-"))
