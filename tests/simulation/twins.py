"""The same steps told in another way, of which the same must come."""

from msgspec.structs import replace

from tests.simulation.script import Batch, Down, Step


def one_by_one(steps: list[Step]) -> list[Step]:
    """Every message in a transaction of its own, at the time at which its batch was taken."""
    found: list[Step] = []
    for step in steps:
        if isinstance(step, Batch):
            found += [Batch(step.at, (message,), None) for message in step.messages]
        else:
            found.append(step)
    return found


def never_killed(steps: list[Step]) -> list[Step]:
    """Without the kills after which the process is back at once."""
    found: list[Step] = []
    for step in steps:
        if isinstance(step, Batch):
            found.append(replace(step, die=None))
        elif not (isinstance(step, Down) and step.lasting == 0):
            found.append(step)
    return found
