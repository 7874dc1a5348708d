"""Application acknowledgements: what tells a device that it was heard, and that it need not repeat."""

import msgspec

from gateway.centre.index import CentreIndex
from gateway.ingest.source import Receipt
from gateway.pipeline.intake import Entry, decode

_ENCODE = msgspec.json.Encoder().encode


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
        if entry.readings and entry.readings[0].event_id is not None:
            level = receipt.frame.topic.split("/")
            acks.append((f"telecare/{level[1]}/{level[2]}/ack", _ENCODE({"id": entry.readings[0].event_id})))
    return acks
