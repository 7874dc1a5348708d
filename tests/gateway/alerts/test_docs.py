import pytest
from msgspec.structs import fields

from docs import alerts as page
from gateway.alerts.model import Outcome, Times
from gateway.alerts.table import TABLE


def test_the_page_is_current() -> None:
    for path, text in page.files().items():
        assert path.read_text("utf-8") == text, "run python -m docs.alerts"


def test_the_diagram_has_every_step_of_the_table() -> None:
    arrows = set()
    for line in page.parts()["diagram"].splitlines():
        if "-->" in line and "[*]" not in line:
            steps, _, events = line.partition(": ")
            before, _, after = steps.strip().partition(" --> ")
            arrows |= {(before, event, after) for event in events.split(", ")}
    assert arrows == {(before.value, event.value, after.value) for (before, event), after in TABLE.items()}


def test_every_time_and_outcome_is_explained() -> None:
    assert set(page.TIMES) == {field.name for field in fields(Times)}
    assert set(page.OUTCOMES) == set(Outcome)


def test_a_page_without_a_place_for_a_part_is_refused() -> None:
    with pytest.raises(ValueError, match="the place for diagram is missing"):
        page.filled("# Alerts")
