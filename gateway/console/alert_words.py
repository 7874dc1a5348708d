"""Words for what an alert's page tells: events, kinds of readings, ways to carers, and how it ended."""

from typing import Final

from gateway.alerts.model import Outcome
from gateway.words import N_

OUTCOMES: Final[dict[Outcome, str]] = {
    Outcome.REAL: N_("Real: help was given"),
    Outcome.FALSE: N_("False alarm"),
    Outcome.TEST: N_("Test"),
    Outcome.WEARER_CANCELLED: N_("Cancelled by the wearer"),
    Outcome.OTHER: N_("Other (please write a note)"),
}
"""How an alert ended."""

EVENTS: Final[dict[str, str]] = {
    "raised": N_("The alert came."),
    "acknowledge": N_("{who} is going, there in {minutes} min."),
    "decline": N_("{who} can’t."),
    "arrive": N_("{who} is there."),
    "close": N_("{who} closed it: {outcome}. {note}"),
    "reopen": N_("{who} opened it again. {note}"),
    "hand_over": N_("{who} asks {to} to take it. {note}"),
    "more_help": N_("{who} asked for more help: the next people are told."),
    "clear": N_("It stopped by itself."),
    "repeat": N_("It happened again."),
    "raise_priority": N_("It is more urgent now."),
    "escalate": N_("Nobody had answered: the next people are told."),
    "expire": N_("The promised time passed: people are told again."),
    "go_under": N_("A more urgent alert tells of the same event."),
    "stand_alone": N_("The more urgent alert was taken back: this one asks again."),
    "nobody_told": N_("Nobody could be told: no message about it reached anybody."),
    "follow_up": N_("Another rule tells of the same event."),
    "expire_attended": N_("It was not closed in time: people are told again."),
}
"""What happened to it; an event that is not here is shown by its own word."""

KINDS: Final[dict[str, str]] = {
    "position": N_("Position"),
    "help": N_("Help button"),
    "fall": N_("Fall detector"),
    "bed": N_("Bed sensor"),
    "sleep": N_("Sleep sensor"),
    "vitals": N_("Heart and breathing"),
    "continence": N_("Continence sensor"),
    "room": N_("Room sensor"),
    "motion": N_("Movement"),
    "status": N_("Device status"),
}
"""Kinds of readings."""

CHANNELS: Final[dict[str, str]] = {
    "log": N_("screen"),
    "smtp": N_("e-mail"),
    "webhook": N_("web service"),
    "mqtt": N_("MQTT"),
    "apprise": N_("message service"),
    "ntfy": N_("ntfy app"),
    "webpush": N_("browser"),
    "telegram": N_("Telegram"),
    "sms": N_("SMS"),
    "voice": N_("telephone call"),
}
"""Ways to carers."""

DELIVERY: Final[dict[str, str]] = {
    "pending": N_("waiting to be sent"),
    "sent": N_("sent"),
    "delivered": N_("delivered"),
    "read": N_("read"),
    "failed_for_now": N_("failed, is tried again"),
    "failed_for_good": N_("could not be reached"),
    "withdrawn": N_("not needed any more"),
}
"""What became of a message (gateway.alerts.delivery.State)."""
