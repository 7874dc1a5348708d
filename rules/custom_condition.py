"""One condition of an own rule, as the care plan writes it.

Five forms, told apart by the keys that are set:

| form | keys | it holds |
|---|---|---|
| compare | ``value`` | while the newest value compares so; with ``for_s`` only after so long |
| count | ``count``, ``within_s`` | while the last ``count`` matches lie within that time |
| absence | ``absent_s`` | when no match was heard for so long |
| change | ``changes`` or ``changes_by`` | for ``holds_s`` after the value changed |
"""

from collections.abc import Callable
from enum import StrEnum
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final, Literal, Self, TypeAlias

from pydantic import ConfigDict, StrictBool, StrictFloat, StrictStr, model_validator
from pydantic import Field as Setting

from rules.custom_fields import FIELDS, Field, near
from rules.numbers import Numbers

Kind: TypeAlias = Literal[
    "position", "help", "fall", "bed", "sleep", "vitals", "continence", "room", "motion", "status"
]
Op: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]
Value: TypeAlias = StrictBool | StrictFloat | StrictStr

DAY_S: Final = 86_400
MOST_COUNTED: Final = 100
"""The most matches that are counted: their times are kept with the resident's state."""

ORDERED: Final = frozenset({"<", "<=", ">", ">="})
"""Comparisons that only numbers have."""


COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {"=": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
"""What the comparisons mean."""


class Form(StrEnum):
    """What a condition looks at."""

    COMPARE = "compare"
    COUNT = "count"
    ABSENCE = "absence"
    CHANGE = "change"


class Match(Numbers):
    """Readings of a kind in which a field compares to a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Setting(description="The kind of readings that it looks at, such as `bed` or `vitals`.")
    field: str | None = Setting(
        None,
        description="The field of these readings, such as `in_bed`; one that a device does not say is passed over.",
    )
    op: Op = Setting("=", description="How the field compares to `value`; `<` and the like for numbers only.")
    value: Value | None = Setting(
        None, description="What the field is compared with: a number, true or false, or a text, as the field holds it."
    )
    device: str | None = Setting(
        None, description="Only readings of this device count. By default all of the resident's do."
    )

    @model_validator(mode="after")
    def _field_fits(self) -> Self:
        if self.field is None:
            if self.value is not None:
                raise ValueError(f"field is missing: expected what is compared with {self.value!r}")
            return self
        fields = FIELDS[self.kind]
        if self.field not in fields:
            raise ValueError(
                f"field is {self.field!r}; expected a field of {self.kind}: {', '.join(fields)}"
                f"{near(self.field, tuple(fields))}"
            )
        if self.value is None:
            return self
        complaint = fields[self.field].complaint(self.value)
        if complaint:
            raise ValueError(f"value is {self.value!r}; expected another one: {complaint}")
        if self.op in ORDERED and not fields[self.field].is_number:
            raise ValueError(f'op is "{self.op}"; expected "=" or "!=": {self.field} is no number')
        return self

    @property
    def what(self) -> Field | None:
        """The field; None where any reading of the kind counts."""
        return None if self.field is None else FIELDS[self.kind][self.field]


class Condition(Match):
    """One condition of an own rule."""

    for_s: float = Setting(
        0,
        ge=0,
        le=7 * DAY_S,
        description="Compare: it must have been so for this long without a break. A number must be measured again "
        "after that time; a state, such as `in_bed`, holds until another one is heard. 0: at once.",
    )
    clear_value: StrictFloat | None = Setting(
        None,
        description="Compare: once it holds, it holds until the number is back at this one or beyond, so that a number "
        "that wavers around `value` does not make the alert come and go.",
    )
    count: int | None = Setting(
        None, ge=2, le=MOST_COUNTED, description="Count: so many matches are needed; their times are kept."
    )
    within_s: float | None = Setting(
        None, gt=0, le=7 * DAY_S, description="Count: the last `count` matches lie within less than this time."
    )
    absent_s: float | None = Setting(
        None,
        ge=60,
        le=30 * DAY_S,
        description="Absence: no matching reading for this long. Where there is a schedule, counted from its beginning "
        "at the earliest.",
    )
    changes: StrictBool = Setting(
        False, description="Change: the value is another one than the last one that was heard."
    )
    changes_by: float | None = Setting(
        None, gt=0, le=1e9, description="Change: the number is at least this much above or below the last one heard."
    )
    holds_s: float = Setting(
        300,
        ge=1,
        le=DAY_S,
        description="Change: for how long it counts as holding. A change is over in a moment; five minutes let it meet "
        "another condition.",
    )

    @property
    def form(self) -> Form:
        """Which of the forms it is."""
        if self.count is not None:
            return Form.COUNT
        if self.absent_s is not None:
            return Form.ABSENCE
        return Form.CHANGE if self.changes or self.changes_by is not None else Form.COMPARE

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        given = [
            name
            for name, there in (
                ("count", self.count is not None),
                ("absent_s", self.absent_s is not None),
                ("changes", self.changes),
                ("changes_by", self.changes_by is not None),
            )
            if there
        ]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are two conditions: expected one of them; use `all` for both")
        form = self.form
        if (self.count is None) is not (self.within_s is None):
            raise ValueError("count and within_s go together: expected both, or none of them")
        if form is Form.COMPARE and self.value is None:
            raise ValueError("value is missing: expected what the field is compared with, or count, absent_s, changes")
        if form is Form.CHANGE and self.field is None:
            raise ValueError("field is missing: expected the one that changes")
        if form is Form.CHANGE and self.value is not None:
            raise ValueError("value is of no use with a change: expected changes or changes_by, and no value")
        if self.changes_by is not None and self.what is not None and not self.what.is_number:
            raise ValueError(f"changes_by is {self.changes_by:g}; expected `changes = true`: {self.field} is no number")
        if self.field is not None and self.value is None and form in {Form.COUNT, Form.ABSENCE}:
            raise ValueError("value is missing: expected what the field is compared with; or leave field out, too")
        if form is not Form.COMPARE and (self.for_s or self.clear_value is not None):
            raise ValueError("for_s and clear_value are for a comparison: expected neither with this condition")
        self._hysteresis()
        return self

    def _hysteresis(self) -> None:
        if self.clear_value is None:
            return
        value, field = self.value, self.what
        if field is None or not isinstance(value, float | int) or isinstance(value, bool) or self.op not in ORDERED:
            raise ValueError('clear_value is for numbers: expected it with op "<", "<=", ">" or ">=" only')
        if complaint := field.complaint(self.clear_value):
            raise ValueError(f"clear_value is {self.clear_value:g}; expected another one: {complaint}")
        above = self.op in {">", ">="}
        if self.clear_value == value or (self.clear_value > value) is above:
            side = "below" if above else "above"
            raise ValueError(f"clear_value is {self.clear_value:g}; expected a number {side} {value:g}")


def contradict(one: Condition, other: Condition) -> bool:
    """Whether two comparisons can never hold together: ``in_bed = true`` and ``= false``, above 40 and below 30."""
    if {one.form, other.form} != {Form.COMPARE} or one.clear_value is not None or other.clear_value is not None:
        return False
    if (one.kind, one.field, one.device) != (other.kind, other.field, other.device):
        return False
    for first, second in ((one, other), (other, one)):
        assert first.value is not None
        assert second.value is not None
        if first.op == "=":
            return not COMPARE[second.op](first.value, second.value)
        if first.op in {">", ">="} and second.op in {"<", "<="}:
            assert isinstance(first.value, int | float)
            assert isinstance(second.value, int | float)
            both = {first.op, second.op} == {">=", "<="}
            return first.value > second.value or (first.value == second.value and not both)
    return False
