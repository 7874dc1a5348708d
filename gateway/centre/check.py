"""How the parts of a centre must fit together: every reference, every overlap, every address."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError
from pydantic import BaseModel

from devices import registry
from gateway.centre.contact import address_expected, address_shown
from gateway.centre.draft import Draft, Entry
from gateway.centre.model import Assignment, Carer, Device, Policy, Resident, Zone
from gateway.centre.plans import check_plans
from gateway.errors import Problem
from gateway.problems import did_you_mean, one_of, shown

WORDS: dict[type[BaseModel], str] = {
    Resident: "resident", Device: "device", Carer: "carer", Policy: "policy", Zone: "zone",
}  # fmt: skip
"""What an id is the id of, in messages."""


def check(draft: Draft) -> list[Problem]:
    """Every problem between the entries of a draft, in the order of the file."""
    return [
        *_site(draft),
        *(problem for model in WORDS for problem in _duplicates(draft, model)),
        *_devices(draft),
        *_assignments(draft),
        *_carers(draft),
        *_policies(draft),
        *check_plans(draft),
    ]


def _site(draft: Draft) -> Iterator[Problem]:
    site = draft.site
    if site is None:
        return
    if not _is_timezone(site.timezone):
        expected = f"expected a time zone such as Europe/Malta{did_you_mean(site.timezone, available_timezones())}"
        yield Problem(draft.file, "centre.timezone", shown(site.timezone), expected)
    if not _is_language(site.language):
        yield Problem(draft.file, "centre.language", shown(site.language), f"expected {_A_LANGUAGE}")


_A_LANGUAGE = "a language tag such as en, da or pt-BR"


def _is_timezone(key: str) -> bool:
    return key in available_timezones()


def _is_language(tag: str) -> bool:
    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def _duplicates(draft: Draft, model: type[BaseModel]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for entry in draft.of(model):
        name = entry.text("id")
        if name is not None and (before := first.setdefault(name, entry.place.of("id"))) != entry.place.of("id"):
            yield entry.problem("id", name, f"an id of its own; {before} has it too")


def unknown(draft: Draft, entry: Entry[Any], field: str, value: object, model: type[BaseModel]) -> Iterator[Problem]:
    """A problem if a reference names nothing; a value that is no text is another check's matter."""
    ids = draft.ids(model)
    if isinstance(value, str) and value not in ids:
        yield entry.problem(field, value, f"the id of a {WORDS[model]}{did_you_mean(value, ids)}")


def _devices(draft: Draft) -> Iterator[Problem]:
    formats = [known.name for known in registry.FORMATS]
    first: dict[tuple[str, str], str] = {}
    for entry in draft.of(Device):
        name, address = entry.text("format"), entry.text("address") or entry.text("id")
        if name is not None and name not in formats:
            yield entry.problem("format", name, f"{one_of(formats)}{did_you_mean(name, formats)}")
        if name is None or address is None:
            continue
        if name == "native" and set(address) & set("/+#"):
            yield entry.problem("address", address, "an address without / + and #: it is one level of a topic")
        before = first.setdefault((name, address), entry.place.key)
        if before != entry.place.key:
            yield entry.problem("address", address, f"an address that no other {name} device has; {before} has it too")


def _assignments(draft: Draft) -> Iterator[Problem]:
    by_device: dict[str, list[Entry[Assignment]]] = {}
    devices, residents = set(draft.ids(Device)), set(draft.ids(Resident))
    for entry in draft.of(Assignment):
        if entry.raw.get("device") not in devices:
            yield from unknown(draft, entry, "device", entry.raw.get("device"), Device)
        if entry.raw.get("resident") not in residents:
            yield from unknown(draft, entry, "resident", entry.raw.get("resident"), Resident)
        if entry.parsed is None:
            continue
        if entry.parsed.end is not None and entry.parsed.end <= entry.parsed.start:
            yield entry.problem("to", entry.raw.get("to"), "a time after from")
        else:
            by_device.setdefault(entry.parsed.device, []).append(entry)
    for entries in by_device.values():
        yield from _overlaps(entries)


def _overlaps(entries: list[Entry[Assignment]]) -> Iterator[Problem]:
    """A device is with one person at a time, or its readings would show under the wrong name."""
    ordered = sorted(((entry.parsed, entry) for entry in entries if entry.parsed), key=lambda pair: pair[0].start)
    for (first, before), (second, after) in itertools.pairwise(ordered):
        if first.end is None or first.end > second.start:
            until = "without an end (give it a to)" if first.end is None else f"until {first.end.isoformat()}"
            yield after.problem(
                "from", second.start, f"a time when the device is free; {before.place.key} has it {until}"
            )


def _carers(draft: Draft) -> Iterator[Problem]:
    for entry in draft.of(Carer):
        language = entry.text("language")
        if language is not None and not _is_language(language):
            yield entry.problem("language", language, _A_LANGUAGE)
        contacts = entry.raw.get("contacts", [])
        if not contacts and entry.raw.get("role", "carer") != "admin":
            yield entry.problem("contacts", contacts, "at least one [[carers.contacts]]: only an admin may have none")
        for number, contact in enumerate(contacts if isinstance(contacts, list | tuple) else []):
            channel, address = (
                (contact.get("channel"), contact.get("address", "")) if isinstance(contact, dict) else (0, 0)
            )
            if isinstance(channel, str) and isinstance(address, str):
                expected = address_expected(channel, address)
                if expected is not None:
                    key = entry.place.of(f"contacts[{number}].address")
                    value = address_shown(channel, address) if "address" in contact else "(missing)"
                    yield Problem(entry.place.file, key, value, f"expected {expected}")


def _policies(draft: Draft) -> Iterator[Problem]:
    if not draft.of(Policy):
        yield Problem(
            draft.file, "policies", "(missing)", "expected at least one [[policies]]: who is told, in which order"
        )
    carers = set(draft.ids(Carer))
    silent = {entry.text("id") for entry in draft.of(Carer) if not entry.raw.get("contacts")}
    for entry in draft.of(Policy):
        for field, name in _told(entry):
            if name not in carers:
                yield from unknown(draft, entry, field, name, Carer)
            elif name in silent:
                yield entry.problem(field, name, "a carer with at least one contact: this one can't be told")


def _told(entry: Entry[Policy]) -> Iterator[tuple[str, str]]:
    """Every carer that a policy names, with the key."""
    steps = entry.raw.get("steps", [])
    lists: Iterable[tuple[str, object]] = [
        *(
            (f"steps[{number}].to", step.get("to"))
            for number, step in enumerate(steps if isinstance(steps, list | tuple) else [])
            if isinstance(step, dict)
        ),
        ("failsafe", entry.raw.get("failsafe")),
    ]
    for field, names in lists:
        for number, name in enumerate(names if isinstance(names, list | tuple) else []):
            if isinstance(name, str):
                yield f"{field}[{number}]", name
