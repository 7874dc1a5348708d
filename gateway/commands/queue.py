"""The queue's transactions: asked for, sent, settled. Each step is audited in its own transaction.

Sync functions of a Tx; who decides when is gateway.commands.runner.
"""

import sqlite3
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import msgspec

from gateway.centre.index import CentreIndex
from gateway.centre.model import CommandName
from gateway.clock import from_ms, to_ms
from gateway.commands.table import FINAL, Event, State, after
from gateway.commands.ways import COMMANDS, Answers, Cannot, CommandOptions, way_of
from gateway.errors import CommandError
from gateway.store import audit
from gateway.store.alarms import in_alarm
from gateway.store.writer import Tx

LONGEST_S = 7 * 86400
"""A LoRaWAN device of class A may be heard once a day; a week is the longest that a command can make sense."""
LONGEST_WHY = 500
_MINUTE = timedelta(seconds=60)


class Refusal(StrEnum):
    """Why a command was refused, besides what gateway.commands.ways.CannotWhy says."""

    NO_CONSENT = "no_consent"
    """The wearer did not agree to be located (or only in an alarm, and there is none)."""
    NO_WEARER = "no_wearer"
    """Nobody wears the device, so there is nobody to agree: only a manager may locate it."""
    OTHER_WEARER = "other_wearer"
    """The device has changed hands since it was asked for."""
    TOO_MANY = "too_many"
    """The device got as many in this minute as it may (settings: commands.per_minute)."""


_UNHEARD = frozenset({"silent"})
"""A device that says nothing can't be asked either."""

_MANAGERS = frozenset({"manager", "admin"})


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command as it is asked for. ``who`` is a carer id or ``cli:<user>``; ``why`` is for the audit."""

    device: str
    command: CommandName
    who: str
    why: str
    expires_s: float | None = None
    """Seconds until it is of no use; None: as the settings say."""


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command as it stands in the queue; times are UTC-aware."""

    id: str
    device: str
    resident: str | None
    command: CommandName
    state: State
    who: str
    why: str
    created_at: datetime
    expires_at: datetime
    due_at: datetime | None
    attempts: int
    sent_at: datetime | None
    settled_at: datetime | None
    since: int
    detail: str | None

    @property
    def settled(self) -> bool:
        """Whether nothing changes any more."""
        return self.settled_at is not None


_TIMES = frozenset({"created_at", "expires_at", "due_at", "sent_at", "settled_at"})
_COLUMNS = ", ".join(Command.__struct_fields__)


def request(tx: Tx, index: CentreIndex, options: CommandOptions, wanted: Wanted) -> Command:
    """Ask for a command, in the caller's transaction; the running gateway sends it by itself within a second.

    A command that can't be sent is kept too, as refused, with the reason in ``detail``.

    Raises:
        CommandError: there is no such device or command, or a value makes no sense; nothing was kept.
    """
    device = index.devices.get(wanted.device)
    if device is None:
        raise CommandError(f"device: {wanted.device!r}: expected a device of the centre: {', '.join(index.devices)}")
    if wanted.command not in COMMANDS:
        raise CommandError(f"command: {wanted.command!r}: expected one of {', '.join(COMMANDS)}")
    if not wanted.who or not wanted.why.strip() or len(wanted.why) > LONGEST_WHY:
        raise CommandError(f"why: expected a few words for the audit, at most {LONGEST_WHY} characters")
    seconds = options.expires_s if wanted.expires_s is None else wanted.expires_s
    if not 1 <= seconds <= LONGEST_S:
        raise CommandError(f"expires_s: {seconds:g}: expected 1 to {LONGEST_S} seconds")
    resident = index.resident_of(device.id, tx.now)
    way = way_of(device, wanted.command, site=index.site.id, options=options)
    refusal = way.why.value if isinstance(way, Cannot) else None
    refusal = refusal or _refusal(tx, index, options, wanted, resident.id if resident else None)
    number, now = str(uuid4()), to_ms(tx.now)
    tx.db.execute(
        "INSERT INTO commands (id, device, resident, command, state, who, why, created_at, expires_at, due_at, "
        "settled_at, since, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "(SELECT coalesce(max(seq), 0) FROM journal), ?)",
        (
            number, device.id, resident.id if resident else None, wanted.command,
            State.QUEUED if refusal is None else State.REFUSED, wanted.who, wanted.why, now,
            to_ms(tx.now + timedelta(seconds=seconds)), now if refusal is None else None,
            None if refusal is None else now, refusal,
        ),
    )  # fmt: skip
    detail = {
        "device": device.id,
        "command": wanted.command,  # why stands in the command's own row, where it can be erased
        **({"refused": refusal} if refusal else {}),
    }
    audit.record(
        tx,
        who=wanted.who,
        action="command.request" if refusal is None else "command.refuse",
        target=f"command/{number}",
        detail=detail,
    )
    return command(tx.db, number)


def command(db: sqlite3.Connection, number: str) -> Command:
    """One command.

    Raises:
        CommandError: there is none of that id.
    """
    row = db.execute(f"SELECT {_COLUMNS} FROM commands WHERE id = ?", (number,)).fetchone()  # noqa: S608 - our own names
    if row is None:
        raise CommandError(f"There is no command {number!r}.")
    return _command(row)


def commands(
    db: sqlite3.Connection, *, waiting: bool = False, device: str | None = None, limit: int = 200
) -> list[Command]:
    """Commands, the newest first; ``waiting``: only those that are not settled."""
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM commands WHERE (NOT ? OR settled_at IS NULL) AND (? IS NULL OR device = ?) "  # noqa: S608
        "ORDER BY seq DESC LIMIT ?",
        (waiting, device, device, limit),
    )
    return [_command(row) for row in rows]


def unsettled(db: sqlite3.Connection) -> list[Command]:
    """What is not settled, the oldest first."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM commands WHERE settled_at IS NULL ORDER BY seq")  # noqa: S608
    return [_command(row) for row in rows]


def note_sent(
    tx: Tx, number: str, *, again_after_s: float | None, answers: Answers, sent_at: datetime | None = None
) -> Command:
    """The broker has it. Where no answer can come, it is settled with that.

    ``sent_at`` is when it was handed to the broker (now, if it is None): the device may answer before our note.
    """
    before = command(tx.db, number)
    if before.settled:
        return before
    now = to_ms(sent_at or tx.now)
    due = None if again_after_s is None else to_ms(tx.now + timedelta(seconds=again_after_s))
    tx.db.execute(
        "UPDATE commands SET state = ?, attempts = attempts + 1, due_at = ?, sent_at = coalesce(sent_at, ?), "
        "settled_at = ?, detail = NULL WHERE id = ?",
        (after(before.state, Event.SENT), due, now, now if answers is Answers.NONE else None, number),
    )
    if before.state is State.QUEUED:
        audit.record(tx, who=None, action="command.send", target=f"command/{number}")
    return command(tx.db, number)


def note_not_sent(tx: Tx, number: str, *, again_after_s: float, detail: str) -> None:
    """The broker did not take it (for now)."""
    due = to_ms(tx.now + timedelta(seconds=again_after_s))
    tx.db.execute(
        "UPDATE commands SET attempts = attempts + 1, due_at = ?, detail = ? WHERE id = ? AND settled_at IS NULL",
        (due, detail[:500], number),
    )


def settle(tx: Tx, number: str, event: Event, *, detail: str | None = None) -> Command:
    """It is over: confirmed, failed, expired, or refused after all. What is settled already stays as it is."""
    before = command(tx.db, number)
    if before.settled:
        return before
    state = after(before.state, event)
    if state not in FINAL:
        raise CommandError(f"event: {event.value}: expected one that ends a command")
    tx.db.execute(
        "UPDATE commands SET state = ?, due_at = NULL, settled_at = ?, detail = ? WHERE id = ?",
        (state, to_ms(tx.now), detail, number),
    )
    words = {"device": before.device, **({"detail": detail} if detail else {})}
    audit.record(tx, who=None, action=f"command.{event.value}", target=f"command/{number}", detail=words)
    return command(tx.db, number)


def forbidden(
    db: sqlite3.Connection, index: CentreIndex, *, name: CommandName, resident: str | None, who: str
) -> Refusal | None:
    """Why a command may not be sent to a device that is worn by that resident (None: by nobody); None: it may.

    Only ``locate`` tells something about a person. A device that nobody wears lies in a cupboard, or its wearer was not
    entered: a manager may look for it. Whoever sits at the gateway's own command line may too; the audit says so.
    """
    if name != "locate":
        return None
    if resident is None:
        carer = index.carers.get(who)
        trusted = who.startswith("cli") if carer is None else carer.role in _MANAGERS
        return None if trusted else Refusal.NO_WEARER
    consent = index.plan_of(resident).consents.location
    if consent == "never" or (consent == "alarm" and not in_alarm(db, resident, but=_UNHEARD)):
        return Refusal.NO_CONSENT
    return None


def not_any_more(db: sqlite3.Connection, index: CentreIndex, asked: Command, now: datetime) -> Refusal | None:
    """Why a command that is in the queue may not be published now; None: it may.

    Between asking and sending, a device may change hands, a consent be withdrawn, an alarm be over.
    """
    wearer = index.resident_of(asked.device, now)
    resident = None if wearer is None else wearer.id
    if resident != asked.resident:
        return Refusal.OTHER_WEARER
    return forbidden(db, index, name=asked.command, resident=resident, who=asked.who)


def _refusal(tx: Tx, index: CentreIndex, options: CommandOptions, wanted: Wanted, resident: str | None) -> str | None:
    refusal = forbidden(tx.db, index, name=wanted.command, resident=resident, who=wanted.who)
    if refusal is not None:
        return refusal
    [lately] = tx.db.execute(
        "SELECT count(*) FROM commands WHERE device = ? AND created_at > ? AND state != ?",
        (wanted.device, to_ms(tx.now - _MINUTE), State.REFUSED),
    ).fetchone()
    return Refusal.TOO_MANY if lately >= options.per_minute else None


def _command(row: sqlite3.Row) -> Command:
    values = {
        name: from_ms(row[name]) if name in _TIMES and row[name] is not None else row[name]
        for name in Command.__struct_fields__
    }
    return msgspec.convert(values, Command)
