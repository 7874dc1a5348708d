"""Every rule has a sentence whose blanks are its settings; a rough day in words."""

import re
from datetime import timedelta

import pytest

from gateway.console.charts import Point, Span, band, bars, lines
from gateway.console.pages import Tongue
from gateway.console.resident_rules import SENTENCES
from gateway.console.resident_words import entries, span
from gateway.store.places import Found
from rules.registry import RULES
from tests.gateway.console import lives
from tests.gateway.console.house import House


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_has_a_sentence_of_its_own_settings(rule: object) -> None:
    name, settings = rule.name, rule.settings  # type: ignore[attr-defined]
    blanks = set(re.findall(r"{(\w+)}", SENTENCES[name]))
    assert blanks <= set(settings.model_fields), f"{name}: {blanks - set(settings.model_fields)}"


def test_what_repeats_itself_is_told_once() -> None:
    tongue = Tongue("en", lives.index_of(lives.document()).timezone, lives.AFTERNOON)
    found = []
    for number, reading in enumerate(lives.a_day() * 2):
        at = reading.observed_at
        assert at is not None
        found.append(Found(number, at, at, reading.device, type(reading).__struct_config__.tag, reading))  # type: ignore[arg-type]
    said = [entry.text for entry in entries(found, tongue)]
    assert said.count("In bed.") == 2
    assert said.count("Out of bed.") == 2


def test_spans_of_values() -> None:
    assert (span([61.2, None, 58.0]), span([60.0]), span([None]), span([36.64, 37.0], 1)) == (
        "58–61", "60", None, "36.6–37.0",
    )  # fmt: skip


def test_a_chart_draws_gaps_bands_and_nothing_outside() -> None:
    start, end = lives.AFTERNOON, lives.AFTERNOON + timedelta(hours=10)
    points = [Point(start + timedelta(hours=hour), 50.0) for hour in (0, 1, 5, 6, 12)]
    drawn = lines(points, start, end, 0, 100, usual=(40, 60), gap=timedelta(hours=2), height=100)
    assert drawn.count("<polyline") == 3
    assert 'points="0.0,50.0 100.0,50.0"' in drawn
    assert '<rect class="usual" x="0" y="40.0" width="1000" height="20.0"/>' in drawn
    assert 'points="1000.0,50.0 1001.5,50.0"' in drawn
    assert '<rect class="dry" x="250.0" y="12.0" width="250.0" height="12.0"/>' in band([Span(0.25, 0.5, "dry", 0.5)])
    assert bars([None, 0, 6], 6).count('class="bar"') == 2


async def test_the_places_are_noted_in_the_background(house: House) -> None:
    from gateway.app.noting import catch_up
    from gateway.store import places

    await lives.hear(house, "r01", lives.a_day())
    await catch_up(house.writer, 0)
    assert house.ask("SELECT count(*) FROM reading_places") == [(len(lives.a_day()),)]
    assert len(lives.a_day()) < places.PIECE
