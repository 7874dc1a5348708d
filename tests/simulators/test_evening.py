"""The bundled evening, heard by the rules of the demo centre: every kind of alert comes up within half an hour."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from devices import registry
from devices.model import Frame, Position
from gateway.centre.index import CentreIndex
from gateway.centre.load import load_centre
from rules.geometry import signed_distances
from rules.model import Heard, Raised, State, Tick
from simulators.messages import payload, topic
from simulators.scene import read_scene
from simulators.script import Action, read_script
from simulators.staging import stage
from simulators.timeline import timeline

DEMO = Path(__file__).parents[2] / "config" / "demo" / "centre.toml"
NOON = datetime(2026, 5, 12, 12, tzinfo=UTC)
WANTED = {"help", "fall", "zone_exit", "bed_exit", "continence", "low_battery"}


def raised(seed: int) -> dict[str, list[tuple[str, float]]]:
    """(resident, simulated minutes after the start) of every alert by rule, within the evening."""
    script = read_script()
    index = CentreIndex(load_centre(DEMO))
    start = script.start(date(2026, 5, 12), read_scene(DEMO, at=NOON).timezone)
    scene = read_scene(DEMO, at=start)
    staged = stage(script.events, scene, start=start, seed=seed)
    rules = {r.id: index.rules_of(r.id, start) for r in scene.residents}
    states: dict[str, dict[str, State]] = {r: rule.start(start) for r, rule in rules.items()}
    found: dict[str, list[tuple[str, float]]] = {}

    def judge(resident: str, event: Heard | Tick, now: datetime) -> None:
        for change in rules[resident].judge(states[resident], event):
            states[resident][change.rule_key] = change.after
            if isinstance(change.verdict, Raised):
                found.setdefault(change.rule_name, []).append((resident, (now - start).total_seconds() / 60))

    def tick_until(now: datetime) -> None:
        for resident, rule in rules.items():
            while (due := rule.wake_at(states[resident])) is not None and due <= now:
                judge(resident, Tick(max(due, start)), max(due, start))

    for event in timeline(scene, seed=seed, start=start, duration_s=script.minutes * 60, staged=staged):
        now = max(event.at, start)
        tick_until(now)
        frame = Frame(topic=topic(scene.site, event), payload=payload(event), received_at=now)
        (reading,) = registry.decode("native", frame)
        device = index.device("native", reading.device)
        assert device is not None
        shapes = [index.zone(zone) for zone in rules[event.resident].zone_ids]
        distances = {}
        if isinstance(reading, Position) and shapes:
            lons, lats = [reading.lon] * len(shapes), [reading.lat] * len(shapes)
            measured = signed_distances(shapes, lons, lats)
            distances = dict(zip(rules[event.resident].zone_ids, measured, strict=True))
        heard = Heard(reading, event.kind, device.id, min(event.at, now), now, None, distances)
        judge(event.resident, heard, now)
    tick_until(start + timedelta(minutes=script.minutes))
    return found


@pytest.mark.parametrize("seed", [1, 2, 7])
def test_every_kind_of_alert_comes_up_within_thirty_simulated_minutes(seed: int) -> None:
    first = {rule: min(minutes for _, minutes in alerts) for rule, alerts in raised(seed).items()}
    assert set(first) >= WANTED
    assert {rule: minutes for rule, minutes in first.items() if rule in WANTED and minutes > 30} == {}


def test_each_action_is_played_by_another_resident() -> None:
    script = read_script()
    scene = read_scene(DEMO, at=NOON)
    start = script.start(date(2026, 5, 12), scene.timezone)
    cast = stage(script.events, scene, start=start, seed=1).cast
    assert [action for action, _ in cast] == [event.do for event in script.events]
    assert set(Action) == {action for action, _ in cast}
    assert len({resident for _, resident in cast}) == len(cast)


def test_the_demo_does_not_drown_in_alerts() -> None:
    found = raised(1)
    assert "silent" not in found
    assert len(found["low_battery"]) <= 4
    assert [resident for resident, _ in found["zone_exit"]] == ["r02"]
    assert {resident for resident, _ in found["help"]} == {"r01"}
