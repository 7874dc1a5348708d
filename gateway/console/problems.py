"""What people and programs see when something is refused or goes wrong: a kind page or problem+json, never a trace."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.response import Redirect

from gateway.console.guards import visitor_of
from gateway.console.headers import asked_by_script
from gateway.console.pages import Tongue, page, tongue_for
from gateway.errors import (
    BadDayError,
    BeginAgainError,
    CentreError,
    GatewayError,
    IllegalStepError,
    NotAllowedError,
    StoreFailedError,
    TokenError,
    UndoError,
    UnknownAlertError,
    VersionConflictError,
    told,
)
from gateway.words import N_

_LOG = structlog.get_logger(__name__)

PROBLEM = "application/problem+json"
"""RFC 9457."""

_TEXTS: dict[int, tuple[str, str]] = {
    400: (N_("That did not work"), N_("Something in the form is missing or wrong. Please go back and try again.")),
    401: (N_("Please sign in"), N_("You are not signed in, or not any more. Nothing was changed.")),
    403: (N_("Not allowed"), N_("You may not do or see that. Ask the person in charge.")),
    404: (N_("Not here"), N_("There is no such page or alert.")),
    405: (N_("That did not work"), N_("This address can’t be used that way.")),
    409: (N_("Something changed"), N_("The alert has changed meanwhile. Please look at it again.")),
    413: (N_("Too much"), N_("That was more than can be taken in.")),
    429: (N_("Too many tries"), N_("Please wait a little, and try again.")),
    500: (N_("Something went wrong"), N_("It is our fault. Please try again; if it stays, tell the person in charge.")),
    503: (N_("Not now"), N_("The gateway can’t store anything at the moment. Please use the phone.")),
}

CENTRE_CHANGED = N_(
    "Somebody else changed the house meanwhile. Nothing was changed: look at it again, and make the change once more."
)
TOO_DEEP = "body: expected JSON that is not nested so deeply"
FORM_TOO_OLD = N_("The page was open for too long. Please try once more.")


def wants_json(request: Request[Any, Any, Any]) -> bool:
    """Whether a program asks: the JSON API, or a script of ours."""
    return request.url.path.startswith("/api/") or "application/json" in request.headers.get("accept", "")


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **more: object) -> Response[bytes]:
    """An error as problem+json (RFC 9457).

    Args:
        status: the HTTP status.
        detail: what is wrong, for people.
        headers: further headers.
        more: further members.
    """
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail, **more}
    return Response(msgspec.json.encode(body), media_type=PROBLEM, status_code=status, headers=headers)


def refuse(
    request: Request[Any, Any, Any], status: int, detail: str | None = None, headers: dict[str, str] | None = None
) -> Response[Any]:
    """A refusal in the form that the asker understands.

    Args:
        request: what was asked.
        status: the HTTP status.
        detail: a sentence in the reader's language; None: the one that belongs to the status.
        headers: further headers.
    """
    tongue = _tongue(request)
    title, text = _TEXTS.get(status, _TEXTS[400 if status < 500 else 500])
    detail = detail or tongue(text)
    if wants_json(request):
        return problem(status, detail, headers=headers)
    # what a plain form was about is found again after signing in
    back = request.url.path.removesuffix("/answer")
    door = "/sign-in?" + urlencode({"next": back if back.startswith("/alerts/") else "/"}) if status == 401 else ""
    return page(
        request, "message.html", tongue, status=status, headers=headers, title=tongue(title), text=detail, door=door
    )


def on_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Litestar's own refusals: no such route, bad form, guard, CSRF, body too large."""
    headers = dict(error.headers or {})
    if isinstance(error, NotAuthorizedException) and _reads_a_page(request):
        return Redirect("/sign-in?" + urlencode({"next": request.url.path}), status_code=303)
    if error.detail.startswith("CSRF"):
        # Drop the cookie too: one signed with another secret would be refused for ever.
        response = refuse(request, 403, _tongue(request)(FORM_TOO_OLD))
        response.delete_cookie("csrf")
        response.delete_cookie("__Host-csrf")
        return response
    if error.status_code >= 500:
        _LOG.error("console.failed", route=_route(request), status=error.status_code, error=type(error).__name__)
    detail = _field_by_field(error) if error.status_code == 400 and wants_json(request) else None
    if error.status_code == 403 and error.detail.startswith("This token "):
        detail = error.detail  # for whoever writes the program
    return refuse(request, error.status_code, detail, headers)


def _field_by_field(error: HTTPException) -> str:
    """A validation error names every field and what is expected there; Litestar keeps them beside its text."""
    extra = error.extra if isinstance(error.extra, list) else []
    named = [
        f"{one.get('key') or 'body'}: {one['message']}" for one in extra if isinstance(one, dict) and "message" in one
    ]
    return "; ".join(named) or error.detail


_REFUSED: dict[type[GatewayError], int] = {UnknownAlertError: 404, IllegalStepError: 409}


def on_gateway_error(request: Request[Any, Any, Any], error: GatewayError) -> Response[Any]:
    """Errors that the gateway raises on purpose."""
    match error:
        case NotAllowedError():
            return refuse(request, 403, _tongue(request)(str(error)))
        case UnknownAlertError() | IllegalStepError():
            return refuse(request, next(status for kind, status in _REFUSED.items() if isinstance(error, kind)))
        case VersionConflictError() | UndoError() | CentreError():
            return _of_centre(request, error)
        case BeginAgainError() | BadDayError() | TokenError():
            return refuse(request, 409 if isinstance(error, BeginAgainError) else 422, str(error))
        case StoreFailedError():
            _LOG.error("console.store_failed", route=_route(request))
            return refuse(request, 503, headers={"Retry-After": "5"})
    _LOG.error("console.failed", route=_route(request), error=type(error).__name__)
    return refuse(request, 500)


def _of_centre(request: Request[Any, Any, Any], error: VersionConflictError | UndoError | CentreError) -> Response[Any]:
    """A change of the centre that was refused; each problem with its key, what stands there, and what is expected."""
    match error:
        case VersionConflictError():
            return refuse(request, 409, _tongue(request)(CENTRE_CHANGED))
        case UndoError():
            return refuse(request, 409, str(error))
    text = "; ".join(f"{one.key}: {one.expected}" for one in error.problems[:20])
    if not wants_json(request):
        return refuse(request, 422, text)
    first, more = told(error.problems)
    listed = [{"key": one.key, "value": one.value, "expected": one.expected} for one in first]
    return problem(422, text, problems=listed, more=more)


def on_any_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Everything else is a mistake of ours: logged with its trace, shown without."""
    _LOG.error("console.failed", route=_route(request), error=type(error).__name__, exc_info=error)
    return refuse(request, 500)


def on_too_deep(request: Request[Any, Any, Any], error: RecursionError) -> Response[Any]:
    """Lists in lists in lists, deeper than any reader goes: what was sent is wrong, and nothing was changed."""
    _LOG.warning("console.too_deep", route=_route(request), error=type(error).__name__)
    return refuse(request, 400, TOO_DEEP if wants_json(request) else None)


def _route(request: Request[Any, Any, Any]) -> str:
    """What was asked for, for the log: the route, not the path, which may hold a signed link."""
    return f"{request.method} {request.scope.get('path_template') or '(none)'}"


def _reads_a_page(request: Request[Any, Any, Any]) -> bool:
    return request.method == "GET" and not wants_json(request) and not asked_by_script(request.scope)


def _tongue(request: Request[Any, Any, Any]) -> Tongue:
    # The session may not have been read yet: a route that does not exist, a cookie that can't be parsed.
    visitor = visitor_of(request) if "session" in request.scope else None
    return tongue_for(request, visitor)
