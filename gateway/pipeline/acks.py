"""Application acknowledgements: what tells a device that it was heard, and that it need not repeat."""

import msgspec

from devices.model import ALARM_KINDS
from gateway.centre.index import CentreIndex
from gateway.ingest.source import Receipt
from gateway.pipeline.intake import Entry, decode

_ENCODE = msgspec.json.Encoder().encode

_LEVELS = 4
"""telecare/{site}/{device}/{kind}"""


class _Identified(msgspec.Struct):
    id: str


_ID = msgspec.json.Decoder(_Identified).decode


def acknowledgements(batch: list[Receipt], entries: list[Entry], index: CentreIndex) -> list[tuple[str, bytes]]:
    """One for every native message with an id that is stored, new or known: the device may not have heard."""
    decoded = {id(entry.receipt): entry for entry in entries}
    acks = []
    for receipt in batch:
        if receipt.format != "native":
            continue
        entry = decoded.get(id(receipt))
        if entry is None:
            entry = Entry(0, receipt, 0)
            decode(entry, index)
        level = receipt.frame.topic.split("/")
        event_id = entry.readings[0].event_id if entry.readings else _id_of_alarm(entry, level[-1])
        if event_id is not None and len(level) == _LEVELS:
            acks.append((f"telecare/{level[1]}/{level[2]}/ack", _ENCODE({"id": event_id})))
    return acks


def _id_of_alarm(entry: Entry, kind: str) -> str | None:
    """The id of an alarm that can't be read otherwise: it is kept and told, and repeating it would change nothing."""
    if entry.unreadable is None or kind not in ALARM_KINDS:
        return None
    try:
        return _ID(entry.frame.payload).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
