"""A carer's short answer ("I am going") from a chat, an SMS, a call or a topic: to the desk, and back in words."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.alerts import queries, taking
from gateway.alerts.model import Acknowledge, Alert, Answer, Arrive, Close, Decline
from gateway.alerts.table import AlertState
from gateway.centre.index import CentreIndex
from gateway.clock import Clock
from gateway.errors import AlreadyTakenError, BadAnswerError, IllegalStepError, NotAllowedError, UnknownAlertError
from gateway.store.writer import Tx, Writer
from gateway.words import N_, gettext, time_of

_GOING = N_("You are going. There by {time}.")
_DECLINED = N_("Thank you. Somebody else is asked.")
_THERE = N_("Thank you. Noted that you are there.")
_ENDED = N_("Thank you. The alert is closed.")
_NOT_POSSIBLE = N_("Not possible")
_FIRST = N_("{who} was first, at {time}.")
_CLOSED = N_("The alert is closed already.")
_NOT_YOURS = N_("There is no open alert of this kind for you.")


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

    async def take(self, alert: int, said: Said, *, carer: str, via: str, key: str | None) -> Reply:
        """Hand it to the desk; comes back when it is on disk.

        The carer must have been told about the alert: a chat or a number is proof of who it is, not of what it knows.

        Args:
            alert: the alert's number.
            said: what the carer says.
            carer: their id; whoever calls has made sure that it is they.
            via: ``sms``, ``telegram``, ``voice`` or ``mqtt``.
            key: the same one again changes nothing.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        return await self.hand_in(alert, _ANSWERS[said](), carer=carer, via=via, key=key)

    async def hand_in(self, alert: int, answer: Answer, *, carer: str, via: str, key: str | None) -> Reply:
        """As ``take``, for any answer that the desk knows.

        Raises:
            StoreFailedError: the database failed; nothing was stored.
        """
        index = self.index

        def work(tx: Tx) -> taking.Taken | None:
            if alert not in told(tx.db, carer):
                return None
            return taking.take(tx, index, alert, answer, key=key, who=carer, via=via)

        person = index.carers.get(carer)
        language = person.language if person else index.site.language
        try:
            after = await self._writer.write(work, urgent=True)
        except AlreadyTakenError as error:
            other = index.carers.get(error.who)
            at = time_of(error.at, language, index.timezone, self.now)
            text = gettext(_FIRST, language, who=other.name if other else error.who, time=at)
            return Reply(Taken.REFUSED, text, why=str(error))
        except IllegalStepError as error:
            return Reply(Taken.REFUSED, gettext(_CLOSED, language), why=str(error))
        except (BadAnswerError, NotAllowedError) as error:
            return Reply(Taken.REFUSED, gettext(_NOT_POSSIBLE, language), why=str(error))
        except UnknownAlertError:
            after = None
        if after is None:
            return Reply(Taken.UNKNOWN, gettext(_NOT_YOURS, language))
        words = self._words(after.alert, answer, language)
        return Reply(Taken.ACCEPTED, words, after.repeated, after.alert.state)

    def _words(self, after: Alert, answer: Answer, language: str) -> str:
        match answer:
            case Acknowledge() if after.eta_at is not None:
                time = time_of(after.eta_at, language, self.index.timezone, self.now)
                return gettext(_GOING, language, time=time)
            case Acknowledge() | Arrive():
                return gettext(_THERE, language)
            case Close():
                return gettext(_ENDED, language)
        return gettext(_DECLINED, language)


def told(db: sqlite3.Connection, carer: str) -> set[int]:
    """Numbers of the alerts that a carer was told about."""
    return {int(row[0]) for row in db.execute("SELECT DISTINCT alert FROM notifications WHERE carer = ?", (carer,))}


def open_for(db: sqlite3.Connection, carer: str) -> list[Alert]:
    """What is open and the carer was told about, the most urgent first."""
    known = told(db, carer)
    return [alert for alert in queries.open_alerts(db) if alert.id in known and alert.state != AlertState.CLOSED]
