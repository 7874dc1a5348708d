"""Replays one seed with everything that happens in it: ``python -m tests.simulation SEED``.

A failing one is made shorter first: steps are left out as long as it still fails. ``--whole`` shows all of them.
"""

import argparse
import sys

from tests.simulation.shrink import shortest
from tests.simulation.simulate import Failure, made, simulate


def main() -> int:
    """Zero when nothing is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--whole", action="store_true", help="show every step, also of a seed that fails")
    wanted = parser.parse_args()
    world, steps = made(wanted.seed)
    try:
        simulate(wanted.seed)
    except Failure as failure:
        if not wanted.whole:
            steps = shortest(wanted.seed, steps[: failure.steps])
    for version, centre in enumerate(world.versions):
        for plan in centre.care_plans:
            rules = [str(rule.model_dump(by_alias=True, exclude_unset=True, mode="json")) for rule in plan.rules]
            print(f"version {version} {plan.resident} ({plan.policy}):", *rules, sep="\n    ")
    try:
        simulate(wanted.seed, steps=steps, trace=print)
    except Failure as failure:
        print(f"BROKEN: {failure}")
        return 1
    print("All is well.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
