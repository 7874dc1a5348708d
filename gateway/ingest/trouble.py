"""What can be wrong between us and the broker, by name.

BrokerError (gateway.errors)
└── LinkError    carries the named trouble; its text says what happened and what to do
"""

import ssl
from enum import StrEnum

from gateway.errors import BrokerError


class Trouble(StrEnum):
    """Named reasons why there is no connection; a label of metrics, so a value never changes its meaning."""

    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    BAD_CREDENTIALS = "bad_credentials"
    NOT_AUTHORISED = "not_authorised"
    BAD_CLIENT_ID = "bad_client_id"
    WRONG_VERSION = "wrong_version"
    REFUSED = "refused"
    NOT_SUBSCRIBED = "not_subscribed"
    CLOSED = "closed"
    NO_ANSWER = "no_answer"
    TAKEN_OVER = "taken_over"
    RECEIVE_MAXIMUM = "receive_maximum"
    MALFORMED = "malformed"
    DISCONNECTED = "disconnected"
    STOPPED = "stopped"
    """We closed it ourselves."""


class LinkError(BrokerError):
    """No connection to the broker, or not any more.

    Args:
        trouble: the named reason.
        text: one or two sentences for people: what happened, where, and what to do.
    """

    def __init__(self, trouble: Trouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


ADVICE: dict[Trouble, str] = {
    Trouble.BAD_CREDENTIALS: "the broker does not accept the user name or password; check both in the settings",
    Trouble.NOT_AUTHORISED: "the broker does not allow this user to connect; check its access rules, "
    "and the user name and password in the settings",
    Trouble.BAD_CLIENT_ID: "the broker does not accept the client name; choose another client_id in the settings",
    Trouble.WRONG_VERSION: 'the broker does not speak this version of MQTT; set protocol to "auto"',
    Trouble.REFUSED: "the broker is there but does not take us now",
    Trouble.TAKEN_OVER: "another client uses the same client name; is a second gateway running? "
    "Each gateway needs its own client_id",
    Trouble.RECEIVE_MAXIMUM: "the broker says that we sent too many messages at once",
}
"""Words for what a broker may say; the place (host and port) is put in front."""


def trouble_of(error: OSError) -> LinkError:
    """Name a failure of TCP or TLS; the place is put in front by who knows it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = "set broker.tls.ca to the authority that signed it, and use the host name that stands in it"
        return LinkError(Trouble.TLS, f"its certificate is not trusted ({error.verify_message}); {advice}")
    if isinstance(error, ssl.SSLError):
        return LinkError(Trouble.TLS, f"TLS does not come about ({error}); is this the TLS port?")
    return LinkError(Trouble.UNREACHABLE, f"it can't be reached ({error}); is it running, and are host and port right?")
