"""Addresses that are keys: a web address with a token in it is shown without it, and kept when it is sent back so."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.centre.contact import LINK_CHANNELS, address_shown


def masked(table: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry as it may be shown."""
    shown = dict(entry)
    if table == "carers" and isinstance(entry.get("contacts"), list):
        shown["contacts"] = [
            {**one, "address": _hidden(one, number)} for number, one in enumerate(entry["contacts"], 1)
        ]
    return shown


def unmasked(table: str, entry: dict[str, Any], old: Mapping[str, Any] | None) -> dict[str, Any]:
    """What was sent, with the real address where the shown one came back unchanged."""
    if table != "carers" or old is None or not isinstance(entry.get("contacts"), list):
        return entry
    known = {
        (one.get("channel"), _hidden(one, number)): one.get("address", "")
        for number, one in enumerate(old.get("contacts", ()), 1)
    }
    contacts = []
    for one in entry["contacts"]:
        if not isinstance(one, dict):  # the check says so afterwards
            return entry
        address = known.get((one.get("channel"), one.get("address", "")))
        contacts.append(one if address is None else {**one, "address": address})
    return {**entry, "contacts": contacts}


def _hidden(contact: Mapping[str, Any], number: int) -> str:
    """``number`` tells two hidden addresses of one carer apart."""
    channel, address = str(contact.get("channel", "")), str(contact.get("address", ""))
    if channel not in LINK_CHANNELS or not address:
        return address
    return f"{json.loads(address_shown(channel, address)) if '://' in address else '…'} ({number})"
