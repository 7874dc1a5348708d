"""Every scenario of this folder: the alerts and commands that are expected, and no others."""

from pathlib import Path

import pytest

from gateway.store.database import prepare
from rules.registry import RULES
from tests.scenarios.play import compare, play, timeline
from tests.scenarios.script import changed, read_scenario

FOLDER = Path(__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenarios") / "empty.db"
    prepare(path)
    return path


@pytest.mark.parametrize("name", NAMES)
def test_what_is_expected_comes_and_nothing_else(name: str, template: Path) -> None:
    scenario = read_scenario(FOLDER / f"{name}.toml")
    played = play(scenario, template)
    wrong = compare(scenario, played)
    assert not wrong, timeline(played, wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_silence_has_a_reason(name: str, template: Path) -> None:
    """Silence proves something only where the same rule would speak without what the scenario is about."""
    scenario = read_scenario(FOLDER / f"{name}.toml")
    spoken = {one.rule for one in scenario.expect}
    if scenario.unless is None:
        mute = {one.rule for one in scenario.expect_none} - spoken
        told_by_command = {one.command for one in scenario.expect}
        assert not mute or told_by_command - {None}, f"{name}: {mute}: expected [unless], or an alert of it"
        return
    unless = scenario.unless
    usual = play(scenario, template)
    other = play(changed(scenario, unless), template)
    before = {(one.at, one.what) for one in usual.came if one.rule == unless.rule}
    after = {(one.at, one.what) for one in other.came if one.rule == unless.rule}
    assert after - before, timeline(other, [f"unless: {unless.rule} is as silent as before"])


def test_every_rule_has_an_alarm_and_a_silence() -> None:
    scenarios = [read_scenario(FOLDER / f"{name}.toml") for name in NAMES]
    spoken = {one.rule for scenario in scenarios for one in scenario.expect}
    silent = {one.rule for scenario in scenarios for one in scenario.expect_none}
    rules = {rule.name for rule in RULES}
    assert not rules - spoken, "no scenario expects these"
    assert not rules - silent, "no scenario expects silence of these"
    assert len(NAMES) >= 40
