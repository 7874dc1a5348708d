"""What an address must look like on each channel; nothing is sent and nothing is looked up."""

from pydantic import HttpUrl, TypeAdapter, ValidationError

from gateway.problems import shown
from gateway.settings.model import TopicTemplate, is_email

_URL = TypeAdapter(HttpUrl)
_TOPIC: TypeAdapter[str] = TypeAdapter(TopicTemplate)

_LINK_CHANNELS = frozenset({"webhook", "apprise"})
"""Channels whose addresses are secrets themselves: whoever knows them can write there."""


def address_expected(channel: str, address: str) -> str | None:
    """What is expected instead of this address on this channel; None: it is plausible (or the channel is unknown)."""
    match channel:
        case "smtp":
            return None if is_email(address) else "an e-mail address such as nora@example.org"
        case "webhook":
            return None if _is_url(address) else "a web address such as https://alarm.example.org/hook"
        case "mqtt":
            wanted = (
                "an MQTT topic without + and #, with no blanks but {site} {alert} {device} {resident} {carer}; or none"
            )
            return None if not address or _is_topic(address) else wanted
        case "apprise":
            return None if _is_apprise(address) else "an Apprise address such as ntfys://ntfy.example.org/topic"
    return None


def address_shown(channel: str, address: str) -> str:
    """The address for an error listing: of a secret one only the beginning."""
    if channel not in _LINK_CHANNELS:
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
