"""300 small houses, each with its own faults; and proof that the simulation would notice."""

from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.breaking import EVERY, Break
from tests.simulation.script import ClockStep
from tests.simulation.simulate import Failure, made, simulate
from tests.simulation.twins import never_killed, one_by_one

SEEDS = 500
AT_ONCE = 25
TWINS = range(0, 60, 3)
TRIES = 60
"""Seeds that a broken product gets until it must have been noticed."""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What the product logs of its faults is of no interest here, and takes time."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(50), logger_factory=structlog.ReturnLoggerFactory()
    )
    yield
    structlog.configure(**before)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_whatever_happens_what_must_hold_holds(first: int) -> None:
    for seed in range(first, first + AT_ONCE):
        try:
            simulate(seed)
        except Failure as failure:
            pytest.fail(f"seed {seed}: {failure}\nsee it: python -m tests.simulation {seed}")


@pytest.mark.parametrize("seed", TWINS)
def test_a_batch_gives_what_single_messages_give(seed: int) -> None:
    steps = never_killed(made(seed)[1])
    assert simulate(seed, steps=steps) == simulate(seed, steps=one_by_one(steps))


@pytest.mark.parametrize("seed", TWINS)
def test_a_kill_and_a_restart_change_nothing(seed: int) -> None:
    steps = [step for step in made(seed)[1] if not (isinstance(step, ClockStep) and step.by < 0)]
    assert simulate(seed, steps=steps) == simulate(seed, steps=never_killed(steps))


def test_the_same_seed_gives_the_same() -> None:
    lines: list[list[str]] = [[], []]
    first, second = (simulate(7, trace=told.append) for told in lines)
    assert first == second
    assert lines[0] == lines[1]
    assert any("->" in line for line in lines[0])
    assert made(7)[1] != made(8)[1]


@pytest.mark.parametrize("broken", EVERY, ids=lambda broken: broken.__name__)
def test_a_broken_product_is_noticed(broken: Break) -> None:
    for seed in range(TRIES):
        try:
            with broken():
                simulate(seed)
        except Exception:  # noqa: BLE001 - an invariant, or the product falls over
            return
    pytest.fail(f"{broken.__doc__} Nobody noticed in {TRIES} seeds.")
