"""How the parts of a centre must fit together: every reference, every overlap, every address."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from devices import registry
from gateway.centre.check_policies import check_policies
from gateway.centre.contact import address_expected, address_shown
from gateway.centre.draft import Draft, Entry
from gateway.centre.model import Assignment, Calendar, Carer, Device, Policy, Resident, Shift, Zone
from gateway.centre.plans import check_plans
from gateway.errors import Problem
from gateway.problems import did_you_mean, one_of

WORDS: dict[type[BaseModel], str] = {
    Resident: "resident", Device: "device", Carer: "carer", Shift: "shift", Policy: "policy", Zone: "zone",
    Calendar: "calendar",
}  # fmt: skip
"""What an id is the id of, in messages."""


def check(draft: Draft) -> list[Problem]:
    """Every problem between the entries of a draft, in the order of the file.

    What a centre that is known was checked for needs no second look, where all that the check looks at is the same.
    """
    devices = draft.unchanged(Device, Assignment)
    return [
        *(problem for model in WORDS if not draft.unchanged(model) for problem in _duplicates(draft, model)),
        *(() if devices and draft.same_ids(Carer) else _devices(draft)),
        *(() if devices and draft.same_ids(Resident) else _assignments(draft)),
        *_carers(draft),
        *check_policies(draft),
        *check_plans(draft),
    ]


def _duplicates(draft: Draft, model: type[BaseModel]) -> Iterator[Problem]:
    first: dict[str, Entry[Any]] = {}
    for entry in draft.of(model):
        name = entry.text("id")
        if name is not None and (before := first.setdefault(name, entry)) is not entry:
            yield entry.problem("id", name, f"an id of its own; {before.place.of('id')} has it too")


def _unknown(
    entry: Entry[Any], field: str, name: str | None, ids: Collection[str], model: type[BaseModel]
) -> Iterator[Problem]:
    """A problem if a reference names nothing; a value that is no text is another check's matter."""
    if name is not None and name not in ids:
        yield entry.problem(field, name, f"the id of a {WORDS[model]}{did_you_mean(name, ids)}")


def _devices(draft: Draft) -> Iterator[Problem]:
    formats = [known.name for known in registry.FORMATS]
    folded = {known.name for known in registry.FORMATS if known.any_case}
    first: dict[tuple[str, str], str] = {}
    for entry in draft.of(Device):
        name, address = entry.text("format"), entry.text("address") or entry.text("id")
        if name is not None and name not in formats:
            yield entry.problem("format", name, f"{one_of(formats)}{did_you_mean(name, formats)}")
        if name is None or address is None:
            continue
        if name == "native" and "address" in entry.raw and set(address) & set("/+#"):
            yield entry.problem("address", address, "an address without / + and #: it is one level of a topic")
        one = address.casefold() if name in folded else address
        before = first.setdefault((name, one), entry.place.key)
        if before != entry.place.key:
            yield entry.problem("address", address, f"an address that no other {name} device has; {before} has it too")
    yield from _around(draft)
    yield from _probes(draft)


def _around(draft: Draft) -> Iterator[Problem]:
    """Hubs that devices name, and carers who carry one."""
    types = {entry.text("id"): entry.text("type") for entry in draft.of(Device)}
    carers = set(draft.ids(Carer))
    hubs = [name for name, type_ in types.items() if name is not None and type_ == "hub"]
    for entry in draft.of(Device):
        hub = entry.text("hub")
        if hub is not None and hub == entry.text("id"):
            yield entry.problem("hub", hub, "the id of another device: nothing is its own hub")
        elif hub is not None and hub in types and hub not in hubs:
            yield entry.problem("hub", hub, f'the id of a device of type "hub"; this one is a {types[hub]}')
        elif hub is not None and hub not in types:
            yield entry.problem("hub", hub, f'the id of a device of type "hub"{did_you_mean(hub, hubs)}')
        if (carer := entry.text("carer")) is not None:
            yield from _unknown(entry, "carer", carer, carers, Carer)


def _probes(draft: Draft) -> Iterator[Problem]:
    """A probe is nobody's, and nothing that rules listen to: it must never be a reason for an alarm."""
    probes = {entry.text("id") for entry in draft.of(Device) if entry.text("type") == "probe"}
    for entry in draft.of(Device):
        if entry.text("type") != "probe":
            continue
        if entry.text("format") not in {None, "native"}:
            yield entry.problem("format", entry.text("format"), '"native": telecare probe speaks nothing else')
        for key in ("hub", "carer", "room"):
            if entry.text(key) is not None:
                yield entry.problem(key, entry.text(key), "no such key for a probe: it belongs to nobody and nothing")
    for worn in draft.of(Assignment):
        if worn.text("device") in probes:
            wanted = "a device that a person uses; this one is a probe, which belongs to nobody"
            yield worn.problem("device", worn.text("device"), wanted)


def _assignments(draft: Draft) -> Iterator[Problem]:
    by_device: dict[str, list[Entry[Assignment]]] = {}
    devices, residents = set(draft.ids(Device)), set(draft.ids(Resident))
    carriers = {entry.text("id"): entry.text("carer") for entry in draft.of(Device)}
    for entry in draft.of(Assignment):
        device, resident = entry.text("device"), entry.text("resident")
        if device not in devices or resident not in residents:
            yield from _unknown(entry, "device", device, devices, Device)
            yield from _unknown(entry, "resident", resident, residents, Resident)
        if carrier := carriers.get(device):
            wanted = f"a device that no carer carries; this one is with {carrier}"
            yield entry.problem("device", entry.text("device"), wanted)
        if entry.parsed is None:
            continue
        if entry.parsed.end is not None and entry.parsed.end <= entry.parsed.start:
            yield entry.problem("to", entry.raw.get("to"), "a time after from")
        else:
            by_device.setdefault(entry.parsed.device, []).append(entry)
    for entries in by_device.values():
        if len(entries) > 1:
            yield from _overlaps(entries)


def _overlaps(entries: list[Entry[Assignment]]) -> Iterator[Problem]:
    """A device is with one person at a time, or its readings would show under the wrong name."""
    ordered = sorted(((entry.parsed, entry) for entry in entries if entry.parsed), key=lambda pair: pair[0].start)
    longest, holder = ordered[0]  # the one that ends last so far: it need not be the one just before
    for worn, entry in ordered[1:]:
        if longest.end is None or longest.end > worn.start:
            until = "without an end (give it a to)" if longest.end is None else f"until {longest.end.isoformat()}"
            yield entry.problem("from", worn.start, f"a time when it is free; {holder.place.key} has it {until}")
        if longest.end is not None and (worn.end is None or worn.end > longest.end):
            longest, holder = worn, entry


def _carers(draft: Draft) -> Iterator[Problem]:
    for entry in draft.of(Carer):
        contacts = entry.raw.get("contacts", [])
        if not contacts and entry.raw.get("role", "carer") != "admin":
            yield entry.problem("contacts", contacts, "at least one [[carers.contacts]]: only an admin may have none")
        for number, contact in enumerate(contacts if isinstance(contacts, list | tuple) else []):
            if not isinstance(contact, Mapping):
                continue
            channel, address = contact.get("channel"), contact.get("address", "")
            if isinstance(channel, str) and isinstance(address, str):
                expected = address_expected(channel, address)
                if expected is not None:
                    key = entry.place.of(f"contacts[{number}].address")
                    value = address_shown(channel, address) if "address" in contact else "(missing)"
                    yield Problem(entry.place.file, key, value, f"expected {expected}")
