"""A failing seed made shorter: first every second half of the steps is left out, then smaller parts."""

from tests.simulation.script import Step
from tests.simulation.simulate import Failure, simulate

TRIES = 300


def shortest(seed: int, steps: list[Step]) -> list[Step]:
    """Fewer steps of which the simulation still fails (with whatever it finds); at most TRIES runs."""
    tries = 0
    part = max(1, len(steps) // 2)
    while True:
        at = 0
        while at < len(steps) and tries < TRIES:
            fewer = steps[:at] + steps[at + part :]
            tries += 1
            if fewer and _fails(seed, fewer):
                steps = fewer
            else:
                at += part
        if part == 1 or tries >= TRIES:
            return steps
        part //= 2


def _fails(seed: int, steps: list[Step]) -> bool:
    try:
        simulate(seed, steps=steps)
    except Failure:
        return True
    return False
