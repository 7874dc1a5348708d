"""Errors of the rules package.

RuleError
├── BadZoneError   a zone's geometry can't be used (says why and where)
└── BadRuleError   a rule's settings contradict each other or name something that does not exist
"""


class RuleError(Exception):
    """Base of everything this package raises."""


class BadZoneError(RuleError):
    """A zone's geometry can't be used."""


class BadRuleError(RuleError):
    """A rule's settings can't be used."""
