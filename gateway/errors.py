"""Errors of the gateway.

GatewayError
├── SettingsError        gateway.toml can't be used; carries every problem found
├── CentreError          the centre file can't be used; carries every problem found
├── VersionConflictError the centre was changed by somebody else meanwhile; nothing was changed
├── UndoError            a change of the centre can't be taken back any more; says why
├── UnknownAlertError    no alert of that number
├── IllegalStepError     the alert's state does not allow that step; nothing was changed
│   ├── AlreadyTakenError somebody else is already going, or there; says who and since when
│   ├── HappenedSinceError an answer that does not know of what happened since it was given
│   └── TooLateError     an answer about a moment that is over
├── BeginAgainError      a cursor belongs to a list that is not kept any more
├── BadAnswerError       an answer to an alert can't be used as it is; says which field, and what is expected
├── NotAllowedError      the person may not do that
├── BadDayError          a day or time in an address is too far away to be meant
├── PasswordError        a new password can't be used; says what is asked for
├── IdentityError        an account of a provider can't be linked to a carer; says why
├── ProviderError        a provider (OpenID Connect) did not sign somebody in; says why
├── ConsoleError         the web page can't be served: its address is taken, or not ours
├── ListenError          devices can't POST: the listener's address is taken, or its certificate can't be used
├── CommandError         a command to a device can't be asked for like that; says what is expected
├── StoreError           the database can't be used as it is
│   └── StoreFailedError an I/O error: acknowledging stops, a person is told, the daemon restarts
└── BrokerError          the broker refuses us, or can't be spoken to
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec


class GatewayError(Exception):
    """Base of everything the gateway raises on purpose; its text is meant for people."""


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong in a file: where, what stands there, and what is expected."""

    file: str
    key: str
    value: str
    expected: str

    def __str__(self) -> str:
        """As one line: ``centre.toml: residents[3].room: "": expected …``."""
        return f"{self.file}: {self.key}: {self.value}: {self.expected}"


MOST_TOLD: Final = 200
"""Problems that are told at once: nobody reads more, and a file of the wrong kind has thousands."""


def told(problems: Sequence[Problem]) -> tuple[Sequence[Problem], int]:
    """The problems that are told to whoever made them, the first of them; and how many more there are."""
    return problems[:MOST_TOLD], max(0, len(problems) - MOST_TOLD)


class _ProblemsError(GatewayError):
    def __init__(self, problems: list[Problem]) -> None:
        first, more = told(problems)
        super().__init__("\n".join([*map(str, first), *([f"… and {more} more"] if more else [])]))
        self.problems = problems


class SettingsError(_ProblemsError):
    """gateway.toml (or the environment) can't be used."""


class CentreError(_ProblemsError):
    """The centre file can't be used; nothing of it was applied."""


class VersionConflictError(GatewayError):
    """The centre was changed meanwhile: the newest version is ``newest``, and the change was made from ``base``."""

    def __init__(self, base: int, newest: int) -> None:
        super().__init__(
            f"Version {newest} of the centre is in force, and this change was made from version {base}. "
            "Nothing was changed: look at the new version, and make the change again."
        )
        self.base = base
        self.newest = newest


class UndoError(GatewayError):
    """A change of the centre can't be taken back: that was changed again since, or is not there."""


class UnknownAlertError(GatewayError):
    """There is no alert of that number."""


class IllegalStepError(GatewayError):
    """The alert's state does not allow that step; nothing was changed."""


class AlreadyTakenError(IllegalStepError):
    """Somebody else is going, or there: ``who`` (a carer's id) since ``at`` (UTC-aware); nothing was changed."""

    def __init__(self, who: str, at: datetime) -> None:
        super().__init__(f"{who} is already on it, since {at:%H:%M} UTC.")
        self.who = who
        self.at = at


class HappenedSinceError(IllegalStepError):
    """It happened again, or was opened again, after the answer was given; nothing was changed."""


class TooLateError(IllegalStepError):
    """The answer is about a moment that is over; nothing was changed."""


class PromiseOverError(TooLateError):
    """A promise that reached us only after its own time was over; nothing was changed."""


class BeginAgainError(GatewayError):
    """A cursor belongs to a list that is not kept any more: the list is to be read from its beginning."""


class BadAnswerError(GatewayError):
    """An answer to an alert can't be used as it is; nothing was changed."""


class NotAllowedError(GatewayError):
    """The person may not do that."""


class BadDayError(GatewayError):
    """A day or time in an address is too far away to be meant."""


class PasswordError(GatewayError):
    """A new password can't be used; says what is asked for."""


class TokenError(GatewayError):
    """A token for the API can't be made; says what is asked for."""


class PasskeyError(GatewayError):
    """A passkey can't be kept, or did not prove who signs in."""


class IdentityError(GatewayError):
    """An account of a provider can't be linked to a carer; says why."""


class ProviderError(GatewayError):
    """A provider (OpenID Connect) did not sign somebody in. ``why`` is one of gateway.console.oidc_words.Why."""

    def __init__(self, why: str, detail: str) -> None:
        super().__init__(f"The provider did not sign anybody in ({why}): {detail}.")
        self.why = why
        self.detail = detail


class ConsoleError(GatewayError):
    """The web page can't be served: its address is taken, or is not this machine's."""


class ListenError(GatewayError):
    """The listener for POSTs can't listen: its address is taken or not ours, or its certificate can't be used."""


class CommandError(GatewayError):
    """A command to a device can't be asked for like that; nothing was queued."""


class StoreError(GatewayError):
    """The database can't be used as it is."""


class StoreFailedError(StoreError):
    """The disk or the database failed; never retried on the same file handle."""


class BrokerError(GatewayError):
    """The broker refuses us, or can't be spoken to."""
