"""Idempotency-Key: a POST that a program sends again, because no answer came, is not done twice.

The first request with a key is noted, done, and its answer kept for a day; the same request again gets that answer,
with ``Idempotency-Replayed: true``. Another body or address with the same key is refused (422), and so is the same
one while the first is under way (409). When a request was refused, its key is forgotten: it can be put right and sent
again. A key belongs to one carer and one route.

Answers may hold what is shown only once, such as a new token. So they are kept encrypted, with a key that is made of
the Idempotency-Key, which is not stored, and the console's secret: a copy of the database tells nothing.
"""

import base64
import functools
import hashlib
import hmac
import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
import structlog
from cryptography.fernet import Fernet
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.params import HeaderParameter
from litestar.serialization import encode_json
from litestar.utils.helpers import get_enum_string_value

from gateway.console.deps import console_of
from gateway.console.guards import required_visitor
from gateway.console.problems import problem
from gateway.errors import StoreError
from gateway.store import requests
from gateway.store.requests import Standing

_LOG = structlog.get_logger(__name__)

HEADER: Final = "Idempotency-Key"
LONGEST_KEY: Final = 200

_KEY: Final = Annotated[
    str | None,
    HeaderParameter(
        name=HEADER,
        min_length=1,
        max_length=LONGEST_KEY,
        description="Your own name for this request, new for each. Sent again with it within 24 hours, the request "
        "is not done twice: the first answer comes again. 422: it was used for another request; 409: the first is "
        "still under way.",
    ),
]
_OTHER: Final = "Idempotency-Key: it was used for another request. Use a new one. Nothing was changed."
_UNDER_WAY: Final = (
    "Idempotency-Key: the first request with it is still under way, or was cut off. If it stays so, look whether it "
    "was done, and use a new key when it was not."
)

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Any]])


class _Kept(msgspec.Struct):
    """An answer as it is kept."""

    status: int
    media_type: str
    headers: dict[str, str]
    body: bytes


def once(handler: Handler) -> Handler:
    """Let a route handler honour Idempotency-Key: between ``@post`` and the handler, which must take ``request``."""
    signature = inspect.signature(handler)
    key = inspect.Parameter("idempotency_key", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_KEY)

    @functools.wraps(handler)
    async def wrapped(**given: Any) -> Any:
        sent: str | None = given.pop("idempotency_key", None)
        if sent is None:
            return await handler(**given)
        return await _once(given["request"], sent, lambda: handler(**given))

    described: Any = wrapped
    described.__signature__ = signature.replace(parameters=[*signature.parameters.values(), key])
    described.__annotations__ = {**handler.__annotations__, "idempotency_key": _KEY}
    return cast("Handler", wrapped)


async def _once(request: Request[Any, Any, Any], sent: str, do: Callable[[], Awaitable[Any]]) -> Any:
    deps, who = console_of(request).deps, required_visitor(request).id
    route = f"{request.method} {request.scope['path_template']}"
    seal = _hmac(deps.secret.encode(), "telecare.once.v1", who, route, sent)
    address = f"{request.url.path}?{request.url.query}"
    digest = _hmac(seal, "request", address, hashlib.sha256(await request.body()).hexdigest()).hex()
    key_hash = _hmac(seal, "key").hex()
    box = Fernet(base64.urlsafe_b64encode(_hmac(seal, "answer")))
    begun = await deps.writer.write(
        lambda tx: requests.begin(tx, carer=who, route=route, key_hash=key_hash, digest=digest), urgent=True
    )
    match begun.standing:
        case Standing.DONE if begun.answer is not None:
            kept = msgspec.msgpack.decode(box.decrypt(begun.answer), type=_Kept)
            return _response(kept, {"Idempotency-Replayed": "true"})
        case Standing.OTHER:
            return problem(422, _OTHER)
        case Standing.UNDER_WAY:
            return problem(409, _UNDER_WAY, headers={"Retry-After": "1"})
    try:
        answer = _kept(request, await do())
    except Exception:
        await _forget(request, begun.number)
        raise
    if answer.status >= 400:
        await _forget(request, begun.number)
    else:
        sealed = box.encrypt(msgspec.msgpack.encode(answer))
        await deps.writer.write(lambda tx: requests.end(tx, begun.number, sealed), urgent=True)
    return _response(answer, {})


async def _forget(request: Request[Any, Any, Any], number: int) -> None:
    try:
        await console_of(request).deps.writer.write(lambda tx: requests.forget(tx, number), urgent=True)
    except StoreError:
        _LOG.error("console.request_not_forgotten", number=number)


def _kept(request: Request[Any, Any, Any], answer: Any) -> _Kept:
    usual: int = request.route_handler.status_code
    if not isinstance(answer, Response):
        return _Kept(usual, "application/json", {}, encode_json(answer))
    body = answer.content
    return _Kept(
        status=answer.status_code or usual,
        media_type=get_enum_string_value(answer.media_type or MediaType.JSON),
        headers={name: str(value) for name, value in answer.headers.items()},
        body=body if isinstance(body, bytes) else b"" if body is None else encode_json(body),
    )


def _response(kept: _Kept, more: dict[str, str]) -> Response[bytes]:
    return Response(kept.body, status_code=kept.status, media_type=kept.media_type, headers={**kept.headers, **more})


def _hmac(key: bytes, *parts: str) -> bytes:
    return hmac.new(key, "\0".join(parts).encode(), hashlib.sha256).digest()


__all__ = ["HEADER", "once"]
