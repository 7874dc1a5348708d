"""A carer's answer: from a form or JSON to the desk, once, however often it is sent."""

from collections.abc import Mapping
from datetime import timedelta

from gateway.alerts import since, taking
from gateway.alerts.model import (
    Acknowledge,
    Answer,
    Arrive,
    Close,
    Decline,
    FallFindings,
    HandOver,
    MoreHelp,
    Outcome,
    Reopen,
)
from gateway.alerts.taking import KeyReusedError, Taken
from gateway.console.deps import Console
from gateway.errors import BadAnswerError, NotAllowedError

MAX_KEY = 200


class OtherCarerError(NotAllowedError):
    """The page was made for somebody else than who is signed in now; nothing was changed."""


LONGEST_AGE_S = 30 * 24 * 3600
"""An answer that waited for longer counts as this old."""


def read_form(form: Mapping[str, str]) -> Answer:  # noqa: PLR0911 - one for each button
    """The answer that a form's button and fields make.

    ``answer`` is going:MINUTES, arrive, decline, more_help, hand_over:CARER (with ``note``), close (then with
    ``outcome`` and ``note``, and ``injured``, ``could_get_up`` and ``ambulance`` as yes, no or nothing after a fall)
    or reopen (with ``note``).
    How long ago it was tapped, which makes a promise shorter, is no part of it: see :func:`given_of_form`.

    Raises:
        BadAnswerError: a field is missing or can't be used.
    """
    word, _, rest = form.get("answer", "").partition(":")
    match word:
        case "going":
            return Acknowledge(_promised(rest))
        case "arrive":
            return Arrive()
        case "decline":
            return Decline()
        case "close":
            try:
                outcome = Outcome(form.get("outcome", ""))
            except ValueError:
                raise BadAnswerError(
                    f"outcome: {form.get('outcome', '')!r}: expected one of {', '.join(Outcome)}."
                ) from None
            return Close(outcome, form.get("note", "").strip(), _fall(form))
        case "more_help":
            return MoreHelp()
        case "hand_over":
            return HandOver(rest, form.get("note", "").strip())
        case "reopen":
            return Reopen(form.get("note", "").strip())
    raise BadAnswerError(
        f"answer: {form.get('answer', '')!r}: expected going:MINUTES, arrive, decline, more_help, "
        "hand_over:CARER, close or reopen."
    )


def _fall(form: Mapping[str, str]) -> FallFindings | None:
    said: dict[str, bool] = {}
    for field in ("injured", "could_get_up", "ambulance"):
        value = form.get(field, "")
        if value not in {"", "yes", "no"}:
            raise BadAnswerError(f"{field}: {value!r}: expected yes, no or nothing.")
        if value:
            said[field] = value == "yes"
    return FallFindings(**said) if said else None


def key_of_form(form: Mapping[str, str]) -> str | None:
    """The idempotency key of a form: which picture of the alert it was made from, and which button.

    Two buttons of one form are two answers; the same button twice is one.
    """
    key = form.get("key", "")
    return f"{key}/{form.get('answer', '')}/{form.get('outcome', '')}/{form.get('note', '')}"[:MAX_KEY] if key else None


def given_of_form(form: Mapping[str, str], who: str) -> since.Given:
    """When a form's answer was given: ``key`` names the alert's version in its picture, ``age_s`` how long ago it was
    tapped, and ``carer`` for whom the page was made.

    Raises:
        OtherCarerError: that is not ``who``.
        BadAnswerError: ``age_s`` is no number.
    """
    if form.get("carer", who) != who:
        raise OtherCarerError("The page was made for another carer.")
    _, _, version = form.get("key", "").partition("-")
    seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
    age = timedelta(seconds=min(_whole(form.get("age_s", "0")), LONGEST_AGE_S))
    return since.Given(seen, age, named_then=True)


async def take(
    console: Console,
    alert: int,
    answer: Answer,
    *,
    key: str | None,
    who: str,
    via: str,
    each_turn: bool = False,
    given: since.Given = since.NOW,
) -> Taken:
    """Hand an answer to the desk; returns when it is on disk.

    Args:
        console: the running console.
        alert: the alert's number.
        answer: what the carer says.
        key: idempotency key; the same one from the same carer again changes nothing. None: no protection.
        who: the carer's id.
        via: ``page``, ``link`` or ``api``.
        each_turn, given: as gateway.alerts.taking.take.

    Raises:
        KeyReusedError: the key was used for another answer.
        UnknownAlertError, IllegalStepError, BadAnswerError, NotAllowedError: as gateway.alerts.taking.take.
        StoreFailedError: the database failed; nothing was stored.
    """
    index = console.deps.index()
    return await console.deps.writer.write(
        lambda tx: taking.take(tx, index, alert, answer, key=key, who=who, via=via, each_turn=each_turn, given=given),
        urgent=True,
    )


def _promised(minutes: str) -> int:
    promised = _whole(minutes)
    if promised < 1:
        raise BadAnswerError(f"answer: going:{minutes}: expected at least one minute.")
    return promised


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise BadAnswerError(f"{text!r}: expected a whole number.")
    return int(text)


__all__ = [
    "MAX_KEY",
    "KeyReusedError",
    "OtherCarerError",
    "Taken",
    "given_of_form",
    "key_of_form",
    "read_form",
    "take",
]
