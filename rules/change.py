"""What an event did to a rule."""

import msgspec

from rules.model import State, Verdict


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """A rule broke on an event: a technician must know. ``where`` is the error's type and place, no data."""

    where: str


class Change(msgspec.Struct, frozen=True, gc=False):
    """What an event did to one rule.

    ``before`` is None when the rule had no state (or one of another shape) and has just begun. ``after is before``
    says that there is nothing to store. Changes are in the order in which they happened, and one rule may have two:
    its deadline first, then the reading.
    """

    rule_key: str
    rule_name: str
    before: State | None
    after: State
    verdict: Verdict | Failed
