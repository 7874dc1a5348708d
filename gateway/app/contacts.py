"""Contacts that lead nowhere on this gateway: their channel is not set up in gateway.toml."""

from typing import get_args

from gateway.centre.model import Centre, Channel
from gateway.errors import Problem
from gateway.settings import Settings

_TO_BE_SET_UP = ("smtp", "webhook", "ntfy", "webpush", "telegram", "sms", "voice")
"""Channels that work only with a table of their own; the others need none."""


def channels_there(settings: Settings) -> frozenset[str]:
    """The words of the channels that work on this gateway."""
    return frozenset(get_args(Channel)) - {name for name in _TO_BE_SET_UP if getattr(settings.channels, name) is None}


def leading_nowhere(centre: Centre, settings: Settings) -> list[Problem]:
    """One Problem for each contact whose channel the settings don't have."""
    there = {name for name in _TO_BE_SET_UP if getattr(settings.channels, name) is not None}
    return [
        Problem(
            "centre",
            f"carers[{number}].contacts[{place}]",
            f"{carer.id}: {contact.channel}",
            f"expected [channels.{contact.channel}] in gateway.toml, or nothing goes out on this contact",
        )
        for number, carer in enumerate(centre.carers)
        for place, contact in enumerate(carer.contacts)
        if contact.channel in _TO_BE_SET_UP and contact.channel not in there
    ]
