"""Giving a device to somebody else: what was so far stays as it was, and what lies ahead is agreed to."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from gateway.centre.diff import Document
from gateway.words import N_

AHEAD: Final = timedelta(minutes=5)
"""A time this far ahead is asked about: until then the device speaks for the present person."""

HAS_HAD: Final = N_("The present person has had it since {time}: choose a later time.")
LATER: Final = N_(
    "This lies ahead. Until {time} it stays with {who}, and so do its alarms. Tick below if that is right."
)
LATER_NEW: Final = N_(
    "This lies ahead. Until {time} nobody has it, and its calls for help are told without a name. Tick below if that is"
    " right."
)
HAD_UNTIL: Final = N_("Somebody had it until {time}: choose that time, or a later one.")


def too_early(document: Mapping[str, Any], device: str, at: datetime, now: datetime) -> tuple[str, datetime] | None:
    """Why a device can't be given on from that time: it would change whose the past readings are.

    Args:
        document: the centre in force.
        device: its id.
        at: from when on somebody else has it (UTC-aware).
        now: UTC-aware.

    Returns:
        HAS_HAD or HAD_UNTIL, and its time (UTC-aware); None: it can be.
    """
    for one in document.get("assignments", ()):
        if one["device"] != device or moment(one["from"]) > now:
            continue
        until = moment(one["to"]) if one.get("to") else None
        if until is not None and until <= now:
            if at < until:
                return HAD_UNTIL, until
        elif at <= moment(one["from"]):
            return HAS_HAD, moment(one["from"])
    return None


def hand_on(document: Document, device: str, resident: str | None, at: str, now: datetime) -> None:
    """End who has the device at that time (RFC 3339, UTC), and let somebody else have it from then on; None: nobody.

    An assignment that would only begin later is left out: the device is with the new person then. One that has begun
    stays, because readings are theirs by it; :func:`too_early` has said so before.
    """
    wanted, kept = moment(at), []
    for one in document.get("assignments", ()):
        if one["device"] != device or (one.get("to") and moment(one["to"]) <= wanted):
            kept.append(one)
        elif moment(one["from"]) < wanted:
            kept.append({**one, "to": at})
        elif moment(one["from"]) <= now:
            kept.append(one)
    if resident is not None:
        kept.append({"device": device, "resident": resident, "from": at})
    document["assignments"] = kept


def holder_of(document: Mapping[str, Any], device: str, now: datetime) -> str | None:
    """Id of the resident who has the device now; of nobody now, of who will have it without an end; None: nobody."""
    worn = (one for one in document.get("assignments", ()) if one["device"] == device and not one.get("to"))
    return wearer_of(document, device, now) or next((str(one["resident"]) for one in worn), None)


def wearer_of(document: Mapping[str, Any], device: str, now: datetime) -> str | None:
    """Id of the resident who has the device at that very moment (UTC-aware); None: nobody."""
    return next(
        (
            str(one["resident"])
            for one in document.get("assignments", ())
            if one["device"] == device
            and moment(one["from"]) <= now
            and not (one.get("to") and moment(one["to"]) <= now)
        ),
        None,
    )


def moment(text: Any) -> datetime:
    """A time of the document (UTC-aware)."""
    return datetime.fromisoformat(str(text))


def ahead(at: datetime, now: datetime) -> bool:
    """Whether the time has to be confirmed."""
    return at - now > AHEAD
