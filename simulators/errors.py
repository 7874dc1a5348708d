"""Errors of the simulators.

SimulatorError
├── SceneError    the centre file, the zones or a script can't be played; carries every problem found
├── OptionsError  an option is out of its range; nothing was started
└── LinkError     the broker refuses the simulated devices, or is not there at the start (later it may go and come back)
"""


class SimulatorError(Exception):
    """Base of everything this package raises on purpose; its text is meant for people."""


class SceneError(SimulatorError):
    """The centre file, its zones or a script can't be played.

    Args:
        problems: one sentence each: file, key, value, and what is expected there.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class OptionsError(SimulatorError):
    """An option is out of its range; the text names it and what is allowed."""


class LinkError(SimulatorError):
    """The broker refuses the connection (wrong user, password or client id), or there is none at the start."""
