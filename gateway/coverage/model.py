"""What a look at the coming days finds. Times are UTC-aware."""

from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.store.rotas import Span
from rules.model import Reason


class Kind(StrEnum):
    """What is wrong, or could go wrong."""

    GAP = "gap"
    """A step tells whoever is on shift, and nobody is."""
    NOWHERE = "nowhere"
    """A step tells nobody who can be reached."""
    UNREACHABLE = "unreachable"
    """Somebody who would be told has no contact that reaches them: none whose channel is set up on this gateway, or
    only a browser in which messages are not allowed."""
    FAILING = "failing"
    """What was sent last, or tested, failed on every contact of somebody who would be told."""
    CALENDAR = "calendar"
    """A calendar of shifts can't be fetched; the last good copy counts, if there is one."""
    UNKNOWN_NAME = "unknown_name"
    """A calendar of shifts names somebody who is no carer of the centre, or has the name of several carers."""
    UNTESTED = "untested"
    """Somebody who would be told has a contact to which long no message went out, and no test was made."""
    FAILED = "failed"
    """What was sent last, or tested, failed on a contact of somebody who would be told; another one is there."""
    TERMINAL = "terminal"
    """People who would be told have no contact but the gateway's own terminal."""
    NO_BROWSER = "no_browser"
    """Somebody is to be told on a phone, and no browser of theirs is allowed to show messages; there is another
    contact."""
    WARD = "ward"
    """A carer's ward in which nobody lives, or a resident's in which nobody works: mistyped, as a rule."""
    ONE_PERSON = "one_person"
    """One person alone is told by every step, and by the failsafe."""
    QUIET = "quiet"
    """Everybody whom the steps tell has quiet hours: of what is not urgent, only the failsafe hears."""


SERIOUS: frozenset[Kind] = frozenset({Kind.GAP, Kind.NOWHERE, Kind.UNREACHABLE, Kind.FAILING})
"""Findings for which a manager is told; the others are risks that the report shows."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing, and when. ``spans`` are in order; a finding that does not depend on time has the whole time."""

    kind: Kind
    spans: tuple[Span, ...]
    what: Reason
    """The same as a sentence; its times are those of the first span."""
    role: str | None = None
    plan: str | None = None
    """The policy, or ``policy/variant``."""
    step: int | None = None
    """Number of the step, from 0; the one after the last is the failsafe."""
    carer: str | None = None
    shift: str | None = None
    resident: str | None = None

    @property
    def serious(self) -> bool:
        """Whether a manager is told of it."""
        return self.kind in SERIOUS

    @property
    def key(self) -> str:
        """What it is known by from one look to the next; times are not part of it, because they move."""
        about = (self.role, self.plan, self.step, self.carer, self.shift, self.resident)
        return "/".join([self.kind, *("" if one is None else str(one) for one in about)])


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A look at the time from ``begin`` until ``end``; serious findings first, then by time."""

    begin: datetime
    end: datetime
    findings: tuple[Finding, ...]

    @property
    def serious(self) -> tuple[Finding, ...]:
        """The findings for which a manager is told."""
        return tuple(finding for finding in self.findings if finding.serious)


ORDER: dict[Kind, int] = {kind: number for number, kind in enumerate(Kind)}
"""As a report lists them."""
