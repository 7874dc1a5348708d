"""A line of the audit in words: what was done, to whom or what, and what else was written down of it."""

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from gateway.centre.index import CentreIndex
from gateway.console.change_values import entry_name, label_of, value_said
from gateway.console.entries import TABLE_WORDS
from gateway.console.menu import MENU
from gateway.console.pages import Tongue
from gateway.console.resident import TABS
from gateway.words import N_, rule_title

ACTIONS: Final[dict[str, str]] = {
    "look": N_("looked at"),
    "access.end": N_("ended all access"),
    "account.link_made": N_("made a link for a password"),
    "account.link_ended": N_("ended a link for a password"),
    "account.password_set": N_("set a password"),
    "account.remove": N_("took away an account"),
    "alert.acknowledge": N_("is going"),
    "alert.arrive": N_("arrived"),
    "alert.clear": N_("says that it is over by itself"),
    "alert.close": N_("closed"),
    "alert.decline": N_("can’t go"),
    "alert.escalate": N_("told the next ones"),
    "alert.hand_over": N_("handed over"),
    "alert.more_help": N_("asked for more help"),
    "alert.reopen": N_("opened again"),
    "alert.taker_gone": N_("took out who was going: others were asked"),
    "centre.apply": N_("changed the centre"),
    "clock.set_back": N_("the clock was set back"),
    "command.request": N_("told a device"),
    "command.refuse": N_("asked a device for something, which was refused"),
    "command.send": N_("sent it to the device"),
    "command.sent": N_("sent it to the device"),
    "command.confirmed": N_("the device confirmed it"),
    "command.expired": N_("the device did not take it in time"),
    "command.failed": N_("it could not be sent to the device"),
    "command.refused": N_("the device refused it"),
    "contact.confirmed": N_("said that a test message came"),
    "consent.change": N_("changed what was agreed"),
    "coverage.check": N_("looked whether somebody would be told"),
    "glass.break": N_("opened what was not agreed"),
    "glass.end": N_("closed again what was not agreed"),
    "identity.link": N_("joined a sign-in of another provider"),
    "identity.unlink": N_("took away a sign-in of another provider"),
    "kiosk.code_made": N_("made a code for a wall screen"),
    "kiosk.paired": N_("a wall screen was paired with the code of"),
    "note.add": N_("wrote a note"),
    "passkey.register": N_("added a passkey"),
    "passkey.remove": N_("took away a passkey"),
    "person.erase": N_("began to erase a person"),
    "person.erased": N_("a person was erased"),
    "person.export": N_("made a copy of everything"),
    "push-subscribe": N_("takes messages in a browser"),
    "push-unsubscribe": N_("takes no more messages in a browser"),
    "round.check": N_("dealt with a line of the round"),
    "rule.shelve": N_("shelved a rule"),
    "rule.unshelve": N_("ended a shelf"),
    "search.begin": N_("began a search"),
    "search.end": N_("ended a search"),
    "search.open": N_("the link of a search was opened"),
    "session.begin": N_("signed in"),
    "session.end": N_("signed out"),
    "session.end_all": N_("signed somebody out everywhere"),
    "session.refused": N_("could not sign in"),
    "session.revoke": N_("signed somebody out"),
    "session.revoke_others": N_("signed out everywhere else"),
    "shift.override": N_("changed a shift"),
    "shift.swap": N_("swapped shifts"),
    "shift.take_back": N_("took back a change of shifts"),
    "shift.comer_gone": N_("took out who came by a change of shifts: it ended"),
    "test-contact": N_("tested a contact"),
    "token.make": N_("made a token"),
    "token.revoke": N_("took back a token"),
}
"""What people read; other actions are shown by their own word."""

VIA: Final[dict[str, str]] = {
    "link": N_("by the link of a message"), "api": N_("with another program"), "cli": N_("at the computer"),
    "wall": N_("Wall screen"), "export": N_("as a file"),
}  # fmt: skip
"""How it was done; on a page, which is the usual way, is not said."""

_PAGES: Final[dict[str, str]] = {
    **{entry.path.strip("/"): entry.title for entry in MENU},
    "board": N_("Open alerts"), "kpis": N_("Key figures"), "kiosk": N_("Wall screen"), "try": N_("Try on the past"),
    "protection": N_("Who is protected"), "alerts": N_("Alerts"),
}  # fmt: skip

_PARTS: Final[dict[str, str]] = {
    **{tab.name: tab.title for tab in TABS if tab.name},
    "looks": N_("Who looked"), "export": N_("A copy of everything"), "erase": N_("Erase"),
}  # fmt: skip

_NUMBERED: Final[dict[str, str]] = {
    "alert": N_("Alert"), "search": N_("Search"), "token": N_("Token"), "command": N_("Command"),
    "shift_change": N_("Change of shifts"),
}  # fmt: skip


def done(action: str, tongue: Tongue) -> str:
    """What was done."""
    return tongue(ACTIONS[action]) if action in ACTIONS else action


def about(target: str, index: CentreIndex, tongue: Tongue) -> str:  # noqa: PLR0911 - one for each kind
    """To whom or what; ids of those who are known no more stay as they are."""
    kind, *rest = target.split("/")
    match kind, rest:
        case "resident", [who, *part]:
            return ", ".join((entry_name("residents", who, index, tongue), *(_part(one, tongue) for one in part)))
        case "sleep", [who, day]:
            return ", ".join((entry_name("residents", who, index, tongue), tongue("Sleep"), _day(day, tongue)))
        case "carer", [who]:
            return entry_name("carers", who, index, tongue)
        case "centre", [version, *path]:
            return ", ".join((tongue("Version {number}", number=version), *_of_centre(path, index, tongue)))
        case "zone", [zone]:
            return f"{tongue('Zone')}: {zone}"
        case _, [number] if kind in _NUMBERED:
            return f"{tongue(_NUMBERED[kind])} {number}"
    page = _PAGES.get(kind)
    return target if page is None else tongue(page)


def details(action: str, detail: Mapping[str, Any], index: CentreIndex, tongue: Tongue) -> str:
    """What else was written down, such as which rule; empty: nothing that is worth a line."""
    parts = []
    for key, value in detail.items():
        match key:
            case "via":
                if value in VIA:
                    parts.append(tongue(VIA[value]))
            case "rule":
                parts.append(rule_title(str(value).partition(":")[0], tongue.language))
            case "version" if action == "centre.apply":
                continue
            case _:
                name = entry_name("carers", value, index, tongue) if isinstance(value, str) else None
                text = name if name not in {None, value} else value_said(value, key, index, tongue)
                parts.append(f"{label_of(key, tongue)}: {text}")
    return "; ".join(parts)


def _part(part: str, tongue: Tongue) -> str:
    return tongue(_PARTS[part]) if part in _PARTS else part


def _day(day: str, tongue: Tongue) -> str:
    try:
        return tongue.day(date.fromisoformat(day))
    except ValueError:
        return day


def _of_centre(path: list[str], index: CentreIndex, tongue: Tongue) -> list[str]:
    if not path or path[0] not in TABLE_WORDS:
        return path
    table, key = path[0], "/".join(path[1:])
    return [tongue(TABLE_WORDS[table].many), *([entry_name(table, key, index, tongue)] if key else [])]
