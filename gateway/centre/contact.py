"""What an address must look like on each channel; nothing is sent and nothing is looked up."""

import re
from collections.abc import Callable

from pydantic import HttpUrl, TypeAdapter, ValidationError

from gateway.problems import shown
from gateway.settings.model import TopicTemplate, is_email

_URL = TypeAdapter(HttpUrl)
_TOPIC: TypeAdapter[str] = TypeAdapter(TopicTemplate)

_NTFY = re.compile(r"[-_A-Za-z0-9]{1,64}")
_CHAT = re.compile(r"[1-9][0-9]{0,18}")
"""Groups have negative numbers: there nobody knows who pressed a button for whom."""
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
"""ITU-T E.164: at most 15 digits, the country's first."""

_SIP = re.compile(r"sips?:[A-Za-z0-9\-_.!~*'()+]+@(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-]+)(:[0-9]{1,5})?")

LINK_CHANNELS = frozenset({"webhook", "apprise", "ntfy", "cap"})
"""Channels whose addresses are secrets themselves: whoever knows them can write there."""


def address_expected(channel: str, address: str) -> str | None:
    """What is expected instead of this address on this channel; None: it is plausible (or the channel is unknown)."""
    fits, expected = _CHECKS.get(channel, (_any, ""))
    return None if fits(address) else expected


def address_shown(channel: str, address: str) -> str:
    """The address for an error listing: of a secret one only the beginning."""
    if channel not in LINK_CHANNELS:
        return shown(address)
    scheme, mark, _ = address.partition("://")
    return shown(f"{scheme}://…") if mark else "(hidden)"


def _is_url(address: str) -> bool:
    try:
        _URL.validate_python(address)
    except ValidationError:
        return False
    return True


def _is_topic(address: str) -> bool:
    try:
        _TOPIC.validate_python(address)
    except ValidationError:
        return False
    return True


def _is_apprise(address: str) -> bool:
    from apprise import Apprise  # takes a third of a second to import: only centres that use it pay

    return Apprise.instantiate(address, suppress_exceptions=True) is not None


def _any(_: str) -> bool:
    return True


def _pattern(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda address: pattern.fullmatch(address) is not None


_NUMBER_EXPECTED = "a telephone number with its country, such as +35621000000"
_CHECKS: dict[str, tuple[Callable[[str], bool], str]] = {
    "smtp": (is_email, "an e-mail address such as nora@example.org"),
    "webhook": (_is_url, "a web address such as https://alarm.example.org/hook"),
    "mqtt": (
        lambda address: not address or _is_topic(address),
        "an MQTT topic without + and #, with no blanks but {site} {alert} {device} {resident} {carer}; or none",
    ),
    "apprise": (_is_apprise, "an Apprise address such as ntfys://ntfy.example.org/topic"),
    "ntfy": (_pattern(_NTFY), "a topic of 1 to 64 letters, digits, hyphens and underscores"),
    "webpush": (lambda address: not address, "no address: the carer allows messages in the browser"),
    "telegram": (_pattern(_CHAT), "the number of a chat with one person, such as 123456789"),
    "sms": (_pattern(_NUMBER), _NUMBER_EXPECTED),
    "voice": (_pattern(_NUMBER), _NUMBER_EXPECTED),
    "cap": (_is_url, "the alarm centre's web address such as https://arc.example.org/cap"),
    "scaip": (_pattern(_SIP), "the alarm centre's SIP address such as sip:alarm@arc.example.org"),
}
"""What an address must look like, and what to say when it does not."""
