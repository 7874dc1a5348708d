"""The house's planned rounds reach the rules, and come back out of a stored or exported centre."""

from copy import deepcopy
from datetime import UTC, datetime, time
from typing import Any

import pytest

from devices.model import Continence
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document, to_document
from gateway.errors import CentreError
from rules.model import Heard, Pending
from tests.gateway.console.house import DOCUMENT

AT = datetime(2026, 1, 14, 18, 0, tzinfo=UTC)


def document(rounds: list[Any]) -> dict[str, Any]:
    found = deepcopy(DOCUMENT)
    found["centre"]["rounds"] = rounds
    found["care_plans"][0] |= {"consents": {"continence": True}, "rules": [{"rule": "continence"}]}
    return found


def test_a_due_change_waits_for_the_round_of_the_house() -> None:
    centre = centre_from_document(document(["21:00", "08:00"]))
    assert centre.centre.rounds == (time(21), time(8))
    assert centre_from_document(to_document(centre)) == centre
    rules = CentreIndex(centre).rules_of("r01", AT)
    event = Heard(Continence(device="pad", state="change_due"), "continence", "pad", AT, AT)
    (change,) = rules.judge(rules.start(AT), event)
    assert isinstance(change.verdict, Pending)
    assert change.verdict.until == datetime(2026, 1, 14, 20, 30, tzinfo=UTC)  # 21:00 in Malta, and half an hour


@pytest.mark.parametrize("bad", [[21], ["21:00+01:00"], ["nine"], ["08:00"] * 25])
def test_bad_rounds_are_refused(bad: list[Any]) -> None:
    with pytest.raises(CentreError, match="rounds"):
        centre_from_document(document(bad))
