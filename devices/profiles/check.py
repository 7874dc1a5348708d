"""Run the cases of a profile the way a message goes, but without an envelope: document → readings."""

from devices.errors import UnreadableError, Why
from devices.model import Reading
from devices.profile import of_raw
from devices.profiles.cases import DEVICE, MESSAGE_AT, Case, Outcome, run
from devices.profiles.pointers import word
from devices.profiles.profile import Profile
from devices.refusals import shown

GENERIC = frozenset({"profile"})


def decode_case(profile: Profile, case: Case) -> tuple[Reading, ...]:
    """The readings of a case. Raises UnreadableError.

    With formats other than LoRaWAN's the device must be named, by the case's topic or by the document, if the profile
    says where. A LoRaWAN message has its own time (2026-03-01T09:00:00Z in cases).
    """
    if not isinstance(case.payload, dict):
        raise UnreadableError(Why.NOT_AN_OBJECT, f"{shown(case.payload)}; expected an object")
    device, at = DEVICE, MESSAGE_AT
    if "profile" in profile.formats:
        named = profile.message.address(case.topic) if case.topic else None
        if not named and profile.message.device is not None:
            value = profile.message.device(case.payload, case.payload)
            if not isinstance(value, str | int):
                raise UnreadableError(Why.MISSING_FIELD, f"{shown(value)}; expected the device in topic or message")
            named = word(value)
        device = named or DEVICE
    if profile.raw is not None:
        return of_raw(profile, device, None, case.payload, at)
    return tuple(profile.readings(case.payload, device, at, None))


def outcomes(profile: Profile, cases: tuple[Case, ...] | None = None) -> list[Outcome]:
    """What comes of every case of a profile, or of others."""
    return [_without_message_time(run(case, lambda one: decode_case(profile, one))) for case in cases or profile.cases]


def _without_message_time(outcome: Outcome) -> Outcome:
    """A case needs to say a time only where the document gives one."""
    at = MESSAGE_AT.isoformat().replace("+00:00", "Z")
    rows = tuple(
        {key: value for key, value in row.items() if key != "observed_at" or value != at} for row in outcome.readings
    )
    if rows == outcome.readings:
        return outcome
    return Outcome(case=outcome.case, readings=rows, error=outcome.error, detail=outcome.detail)
