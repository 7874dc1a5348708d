"""What goes back after an answer: JSON to the script, a page or a redirect to a plain form."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response
from litestar.response import Redirect

from gateway.alerts import queries, rows
from gateway.alerts.model import Alert
from gateway.alerts.table import AlertState
from gateway.console.alert_page import alert_page
from gateway.console.answers import OtherCarerError, given_of_form, key_of_form, read_form, take
from gateway.console.deps import Console, console_of
from gateway.console.guards import Visitor
from gateway.console.ops import Counters
from gateway.console.pages import Tongue, tongue_for
from gateway.console.problems import problem, wants_json
from gateway.console.view import already_taken, row_of, state_text
from gateway.errors import (
    AlreadyTakenError,
    BadAnswerError,
    GatewayError,
    HappenedSinceError,
    IllegalStepError,
    PromiseOverError,
    TooLateError,
)

EXPECTED = (IllegalStepError, BadAnswerError)
"""What a carer can run into without any fault of theirs: somebody was first, a note is missing."""

OTHER_CARER = "/problems/other-carer"
"""Type of the problem: the page was made for another carer. A script keeps the answer for when that one is back."""


def explained(
    error: GatewayError, request: Request[Any, Any, Any], number: int, tongue: Tongue, reader: str
) -> tuple[int, str]:
    """Status and sentence for an answer that could not be taken."""
    console = console_of(request)
    index = console.deps.index()
    match error:
        case AlreadyTakenError():
            return 409, already_taken(error.who, error.at, index, tongue)
        case PromiseOverError():
            return 409, tongue("It was sent too late: the time you named is over. Please tap again if you are going.")
        case HappenedSinceError():
            return 409, tongue("It happened again since; please look. Your answer was not taken.")
        case TooLateError():
            return 409, tongue("It was sent too late and was not taken. Please look, and tap again.")
        case BadAnswerError():
            # the field's own text is for programs; people get the one thing that a form can lack
            return 422, tongue("Please say what it was; “Other” also needs a note.")
        case _:
            alert = queries.alert(console.db(), number)
            return 409, " ".join([state_text(alert, index, tongue, reader), *_open_instead(console, alert, tongue)])


def _open_instead(console: Console, alert: Alert, tongue: Tongue) -> list[str]:
    """Where to answer when the alert is closed and its incident has come again: it can't be open twice."""
    other = rows.find_open(console.db(), alert.incident)
    if alert.state is not AlertState.CLOSED or other is None:
        return []
    return [tongue("It happened again since: please answer alert {number}.", number=other.id)]


async def _not_theirs(
    request: Request[Any, Any, Any], counters: Counters, number: int, visitor: Visitor, tongue: Tongue
) -> Response[Any]:
    """The answer of somebody else than who is signed in: kept for them by a script, and nothing is changed."""
    text = tongue("This page was somebody else’s: you are signed in as {name} now. Nothing was changed.",
                  name=visitor.carer.name)  # fmt: skip
    counters.answered("page", "Conflict")
    if wants_json(request):
        return problem(409, text, type=OTHER_CARER, alert=number)
    return await alert_page(request, visitor, number, notice=text, status=409)


async def answered(
    request: Request[Any, Any, Any],
    counters: Counters,
    number: int,
    form: Mapping[str, str],
    visitor: Visitor,
    wards: tuple[str, ...] = (),
) -> Response[Any]:
    """Take an answer from the page, and say what became of it; a plain form goes back to the board of ``wards``.

    Raises:
        GatewayError: as gateway.console.answers.take, other than what a carer can run into.
    """
    console = console_of(request)
    tongue = tongue_for(request, visitor)
    try:
        given = given_of_form(form, visitor.id)
        answer = read_form(form)
        taken = await take(console, number, answer, key=key_of_form(form), who=visitor.id, via="page", given=given)
    except OtherCarerError:
        return await _not_theirs(request, counters, number, visitor, tongue)
    except EXPECTED as error:
        status, text = explained(error, request, number, tongue, visitor.id)
        counters.answered("page", HTTPStatus(status).phrase)
        if wants_json(request):
            version = queries.alert(console.db(), number).version
            return problem(status, text, alert=number, version=version)
        return await alert_page(request, visitor, number, notice=text, status=status)
    counters.answered("page", "repeated" if taken.repeated else "accepted")
    if wants_json(request):
        row = row_of(taken.alert, console.deps.index(), tongue, visitor.id)
        version = taken.alert.version
        body = {
            "alert": number, "state": row.state, "text": row.state_text, "repeated": taken.repeated, "version": version,
        }  # fmt: skip
        return Response(body, status_code=200)
    back = urlencode([("did", str(number)), *(("ward", ward) for ward in wards)])
    return Redirect(f"/?{back}", status_code=303)
