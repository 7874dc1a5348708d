"""A carer's short answer ("I am going") from a chat, an SMS, a call or a topic: to the desk, and back in words."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from gateway.alerts import queries, since, taking
from gateway.alerts.model import Acknowledge, Alert, Answer, Arrive, Close, Decline
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.errors import (
    AlreadyTakenError,
    BadAnswerError,
    HappenedSinceError,
    IllegalStepError,
    NotAllowedError,
    TooLateError,
    UnknownAlertError,
)
from gateway.store.writer import Tx, Writer
from gateway.words import N_, gettext, time_of

_GOING = N_("You are going. There by {time}.")
_DECLINED = N_("Thank you. Somebody else is asked.")
_THERE = N_("Thank you. Noted that you are there.")
_ENDED = N_("Thank you. The alert is closed.")
_NOT_POSSIBLE = N_("Not possible")
_FIRST = N_("{who} was first, at {time}.")
_CLOSED = N_("The alert is closed already.")
_SINCE = N_("It happened again since; please look. Your answer was not taken.")
_TOO_LATE = N_("This may be too old. Please press again.")
_TOO_LATE_SMS = N_("It came too late and was not taken. Please answer again.")
_NOT_YOURS = N_("There is no open alert of this kind for you.")
_OTHER_GOES = N_("{who} is going already.")
_OTHER_THERE = N_("{who} is there already.")
_NOBODY = N_("Nobody is going. Please answer again if you can go.")


class Said(StrEnum):
    """What can be said in short."""

    GOING = "going"
    CANT = "cant"
    THERE = "there"


class Taken(StrEnum):
    """What became of it."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """Somebody was first, or it is over: the words say so."""
    LATE = "late"
    """It is about a moment that is over, or does not know what happened since. Whoever looks may say the same again."""
    UNKNOWN = "unknown"
    """No open alert of this carer."""


class Reply(msgspec.Struct, frozen=True):
    """What became of an answer, and what to tell the carer in their language."""

    taken: Taken
    text: str
    repeated: bool = False
    """This very answer had been taken before."""
    state: AlertState | None = None
    """The alert's state now; None: not known, or none of this carer's."""
    why: str | None = None
    """Of a refusal: the reason in English, for whoever builds the device that answers."""
    carer: str | None = None
    """Whose answer it was."""


_ANSWERS: dict[Said, Callable[[], Answer]] = {Said.GOING: Acknowledge, Said.CANT: Decline, Said.THERE: Arrive}


class Answering:
    """Takes short answers.

    Args:
        writer: the daemon's writer.
        index: gives the centre as it is now.
        clock: the gateway's clock.
    """

    def __init__(self, *, writer: Writer, index: Callable[[], CentreIndex], clock: Clock) -> None:
        self._writer = writer
        self._index = index
        self._clock = clock

    @property
    def index(self) -> CentreIndex:
        """The centre as it is now."""
        return self._index()

    @property
    def now(self) -> datetime:
        """The gateway's time, UTC-aware."""
        return self._clock.now()

    async def take(
        self,
        alert: int,
        said: Said,
        *,
        carer: str | Sequence[str],
        via: str,
        key: str | None,
        each_turn: bool = False,
        age: timedelta = timedelta(0),
    ) -> Reply:
        """Hand it to the desk; comes back when it is on disk.

        The carer must have been told about the alert: a chat or a number is proof of who it is, not of what it knows.

        Args:
            alert: the alert's number.
            said: what the carer says.
            carer: their id; whoever calls has made sure that it is they. Several: they share the telephone or the chat,
                and it counts for the one of them who is meant (``meant``).
            via: ``sms``, ``telegram``, ``voice``, ``cap`` or ``mqtt``.
            key: the same one again changes nothing.
            each_turn: the key names words and no single message; see gateway.alerts.taking.take.
            age: how long ago it was said, at most.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        given = since.Given(age=age, named_then=True)
        return await self.hand_in(
            alert, _ANSWERS[said](), carer=carer, via=via, key=key, each_turn=each_turn, given=given
        )

    async def hand_in(
        self,
        alert: int,
        answer: Answer,
        *,
        carer: str | Sequence[str],
        via: str,
        key: str | None,
        each_turn: bool = False,
        given: since.Given = since.NOW,
    ) -> Reply:
        """As ``take``, for any answer that the desk knows.

        Args:
            alert, carer, via, key, each_turn: as ``take``.
            answer: as it was sent.
            given: how long ago it was pressed; see gateway.alerts.since.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        index = self.index
        among = [carer] if isinstance(carer, str) else list(carer)
        who = among[0]

        def work(tx: Tx) -> taking.Taken | None:
            nonlocal who
            found = meant(tx.db, alert, among)
            if found is None:
                return None
            who = found
            return taking.take(tx, index, alert, answer, key=key, who=who, via=via, each_turn=each_turn, given=given)

        taken, refusal = None, None
        try:
            taken = await self._writer.write(work, urgent=True)
        except (AlreadyTakenError, IllegalStepError, BadAnswerError, NotAllowedError) as error:
            refusal = error
        except UnknownAlertError:
            pass
        language = index.language_of(index.carers.get(who))
        if refusal is not None:
            late = isinstance(refusal, HappenedSinceError | TooLateError)
            words = self._refused(refusal, via, language)
            return Reply(Taken.LATE if late else Taken.REFUSED, words, why=str(refusal), carer=who)
        if taken is None:
            return Reply(Taken.UNKNOWN, gettext(_NOT_YOURS, language), carer=who)
        words = self._words(taken, answer, who, language)
        return Reply(Taken.ACCEPTED, words, taken.repeated, taken.alert.state, carer=who)

    def _refused(self, error: Exception, via: str, language: str) -> str:
        index = self.index
        if isinstance(error, AlreadyTakenError):
            at = time_of(error.at, language, index.timezone, self.now)
            return gettext(_FIRST, language, who=self._name(error.who), time=at)
        if isinstance(error, HappenedSinceError):
            return gettext(_SINCE, language)
        if isinstance(error, TooLateError):
            return too_late(via, language)
        return gettext(_CLOSED if isinstance(error, IllegalStepError) else _NOT_POSSIBLE, language)

    def _name(self, carer: str) -> str:
        found = self.index.carers.get(carer)
        return found.name if found else carer

    def _words(self, taken: taking.Taken, answer: Answer, who: str, language: str) -> str:
        """What is true now; a repetition may find that all has changed since."""
        alert = taken.alert
        if alert.state is AlertState.CLOSED:
            return gettext(_ENDED if isinstance(answer, Close) else _CLOSED, language)
        comes = isinstance(answer, Acknowledge | Arrive)
        if not taken.repeated and not isinstance(answer, Acknowledge):
            return gettext(_THERE if comes else _DECLINED, language)
        if alert.taken_by is None:
            return gettext(_NOBODY if comes else _DECLINED, language)
        if alert.taken_by != who:
            words = _OTHER_THERE if alert.state is AlertState.ATTENDED else _OTHER_GOES
            return gettext(words, language, who=self._name(alert.taken_by))
        if alert.eta_at is None or alert.state is AlertState.ATTENDED:
            return gettext(_THERE, language)
        return gettext(_GOING, language, time=time_of(alert.eta_at, language, self.index.timezone, self.now))


def too_late(via: str, language: str) -> str:
    """What a carer is told whose answer is about a moment that is over."""
    return gettext(_TOO_LATE_SMS if via == "sms" else _TOO_LATE, language)


def meant(db: sqlite3.Connection, alert: int, among: Sequence[str]) -> str | None:
    """Who of those who share a telephone or a chat is meant by an answer to an alert; None: nobody of them was told.

    Whoever is on the way or there is; else whoever was told last. For the alert it is the same: somebody with that
    telephone answers.
    """
    row = db.execute(
        "SELECT n.carer FROM notifications n JOIN alerts a ON a.id = n.alert "
        "WHERE n.alert = ? AND n.carer IN (SELECT value FROM json_each(?)) "
        "ORDER BY n.carer IS a.taken_by DESC, n.state IN ('sent', 'delivered', 'read') DESC, n.id DESC LIMIT 1",
        (alert, msgspec.json.encode(list(among)).decode()),
    ).fetchone()
    return None if row is None else str(row[0])


def told(db: sqlite3.Connection, carer: str) -> set[int]:
    """Numbers of the alerts that a carer was told about."""
    return {int(row[0]) for row in db.execute("SELECT DISTINCT alert FROM notifications WHERE carer = ?", (carer,))}


def open_for(db: sqlite3.Connection, carer: str) -> list[Alert]:
    """What is open and the carer was told about, the most urgent first."""
    known = told(db, carer)
    return [alert for alert in queries.open_alerts(db) if alert.id in known and alert.state != AlertState.CLOSED]
