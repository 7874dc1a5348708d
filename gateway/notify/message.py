"""What a carer reads, composed for a lock screen: room code, kind and priority marks, and a link to the rest.

No name, no position, nothing about a person's health: a telephone lies on tables. What happened and to whom stands
on the page behind the link, and in the body of a message to a contact that shows details (gateway.notify.details).
All texts are in the carer's language.
"""

import hashlib
import sqlite3

import msgspec
from msgspec.structs import replace

from gateway.alerts.model import INVOLVED, Purpose
from gateway.centre.index import CentreIndex
from gateway.clock import Clock, from_ms
from gateway.links import Links
from gateway.notify import details
from gateway.notify.channel import Outgoing
from gateway.notify.outbox import Row
from gateway.words import N_, PRIORITY_MARKS, gettext, ngettext, priority_word, rule_title, time_of

DISCREET: dict[str, str] = {
    "continence": N_("Care is due"),
    "continence_due": N_("Care is due"),
    "continence_overdue": N_("Care is due"),
    "continence_off": N_("Care is due"),
    "not_changed": N_("Care is due"),
    "heart_rate": N_("Please look in"),
    "breathing": N_("Please look in"),
    "oxygen": N_("Please look in"),
    "restless_night": N_("Please look in"),
}
"""Rules whose very name would tell of a person's health; what stands on the lock screen in its place."""

DISCREET_KINDS: dict[str, str] = {
    "continence": N_("Care is due"),
    "vitals": N_("Please look in"),
    "sleep": N_("Please look in"),
}
"""The same for own rules, by the kinds of readings that they look at."""

_TITLES: dict[Purpose, str] = {
    Purpose.ALERT: N_("{marks} {place}: {what}"),
    Purpose.REMINDER: N_("{marks} {place}: {what}. Still without an answer"),
    Purpose.REPEAT: N_("{marks} {place}: {what}. Again"),
    Purpose.TAKEN: N_("{place}: {what}. Somebody is going"),
    Purpose.CLEARED: N_("{place}: {what}. It ended by itself; please look"),
    Purpose.CLOSED: N_("{place}: {what}. Closed; nobody needs to go"),
    Purpose.UNDELIVERABLE: N_("{marks} {place}: {what}. The others could not be told: please act"),
}
_BODY = N_("{what_to_do}. Since {time}.")
_LINK_WORDS = N_("See more and answer")
_GATEWAY = N_("Gateway")
_GOING = N_("I am going")
_CANT = N_("I can’t")

_URGENCY: dict[str, tuple[int, int]] = {"high": (5, 5), "medium": (4, 5), "low": (2, 3)}
"""Urgency of a priority in the first round, and at most."""


class AlertRow(msgspec.Struct, frozen=True):
    """What a message needs of an alert; times are epoch milliseconds."""

    id: int
    resident: str | None
    device: str | None
    rule: str
    priority: str
    state: str
    raised_at: int
    happened_at: int
    rule_key: str
    reason: str
    """JSON of a rules.model.Reason."""
    taken_by: str | None = None


def read_alert(db: sqlite3.Connection, number: int) -> AlertRow | None:
    """The alert as it stands now."""
    columns = ", ".join(AlertRow.__struct_fields__)
    found = db.execute(f"SELECT {columns} FROM alerts WHERE id = ?", (number,)).fetchone()  # noqa: S608 - our own names
    return None if found is None else AlertRow(*found)


def compose(
    row: Row,
    alert: AlertRow,
    *,
    index: CentreIndex,
    links: Links,
    clock: Clock,
    db: sqlite3.Connection | None = None,
) -> Outgoing:
    """One message for one carer at one contact.

    Args:
        row: the notification.
        alert: as it stands now.
        index: the centre.
        links: makes its link.
        clock: the gateway's clock.
        db: for the last position; None: a message never says where somebody is.
    """
    carer = index.carers.get(row.carer)
    language = index.language_of(carer)
    now = clock.now()
    room = None if alert.resident is None else index.public_name(alert.resident)
    place = gettext(N_("Room {room}"), language, room=room) if room else alert.device or gettext(_GATEWAY, language)
    what = _what(alert, index, language)
    title = gettext(
        _TITLES[row.purpose],
        language,
        marks=PRIORITY_MARKS.get(alert.priority, "!"),
        place=place,
        what=what,
    )
    raised_at = from_ms(alert.raised_at)
    since = time_of(raised_at, language, index.timezone, now)
    body = gettext(_BODY, language, what_to_do=priority_word(alert.priority, language), time=since)
    level = details.level_of(index, row, alert.resident)
    about = details.About(alert.resident, alert.rule, alert.reason, what, raised_at, asks=row.purpose in INVOLVED)
    more = details.lines(about, level, index=index, links=links, language=language, now=now, db=db)
    return Outgoing(
        notification=row.id,
        idempotency=idempotency(row),
        alert=alert.id,
        purpose=row.purpose,
        address=row.address,
        carer=row.carer,
        language=language,
        title=title,
        body="\n".join((body, *more)),
        link=links.make(alert.id, row.carer, row.purpose),
        link_words=gettext(_LINK_WORDS, language),
        site=index.site.id,
        resident=alert.resident,
        room=room,
        device=alert.device,
        rule=alert.rule,
        priority=alert.priority,
        raised_at=raised_at,
        # that of the row: the alert may have been repeated since, and this message tells of what was then
        observed_at=from_ms(alert.happened_at if row.about_at is None else row.about_at),
        now=now,
        urgency=urgency_of(alert.priority, row),
        going_words=gettext(_GOING, language) if row.purpose in INVOLVED else "",
        cant_words=gettext(_CANT, language) if row.purpose in INVOLVED else "",
    )


def bundled(outgoing: Outgoing, others: int) -> Outgoing:
    """The same message, which says that it stands for others of low priority too."""
    more = ngettext("And {n} more notice.", "And {n} more notices.", others, outgoing.language)
    first, *others_of_body = outgoing.body.split("\n")
    return replace(outgoing, body="\n".join((f"{first} {more}", *others_of_body)))


def urgency_of(priority: str, row: Row) -> int:
    """How loud it may be, 1 to 5: by priority, and louder with every round that went by without an answer.

    Low never gets to the loudest: nobody is woken for it.
    """
    if row.purpose not in INVOLVED:
        return 2
    least, most = _URGENCY.get(priority, (3, 4))
    return min(most, least + round_of(row.key))


def round_of(key: str) -> int:
    """How many rounds went by without an answer, from a notification's key: ``alert/run.round.step/…``."""
    parts = key.split("/")
    turn = parts[1].split(".") if len(parts) > 1 else []
    return int(turn[1]) if len(turn) == 3 and turn[1].isdecimal() else 0


def _what(alert: AlertRow, index: CentreIndex, language: str) -> str:
    """What it is about, as far as a lock screen may tell. An own rule is called as its author did, unless it looks at
    what must not be told there."""
    if alert.rule in DISCREET:
        return gettext(DISCREET[alert.rule], language)
    own = index.own_rule(alert.resident, alert.rule_key)
    if own is None:
        return rule_title(alert.rule, language)
    for kind, discreet in DISCREET_KINDS.items():
        if any(condition.kind == kind for condition in own.conditions):
            return gettext(discreet, language)
    return own.title


def idempotency(row: Row) -> str:
    """The same for every attempt at this notification, and another one for every other, also of another database."""
    return hashlib.sha256(f"{row.created_at}/{row.key}".encode()).hexdigest()[:32]
