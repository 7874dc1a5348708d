"""Errors of the rules package.

RuleError
├── BadZoneError       a zone's geometry can't be used (says why and where)
├── BadCalendarError   an iCalendar text can't be used as a schedule (says everything that is wrong)
└── BadRuleError       a rule's settings contradict each other or name something that does not exist
"""


class RuleError(Exception):
    """Base of everything this package raises."""


class BadZoneError(RuleError):
    """A zone's geometry can't be used; ``at`` is where on the map that shows (lon, lat in degrees), if anywhere."""

    def __init__(self, text: str, *, at: tuple[float, float] | None = None) -> None:
        super().__init__(text)
        self.at = at


class BadCalendarError(RuleError):
    """An iCalendar text can't be used as a schedule; ``problems`` are all of its mistakes, each with its place."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class BadRuleError(RuleError):
    """A rule's settings can't be used."""
