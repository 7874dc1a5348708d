"""Channel ``log``: the terminal. In the demo a coloured line with the link; else an event in the gateway's log."""

import structlog
from rich.console import Console
from rich.text import Text

from gateway.notify.channel import Outgoing, Sent

_LOG = structlog.get_logger(__name__)

_STYLES = {"high": "bold white on red", "medium": "bold black on yellow", "low": "bold black on cyan"}
"""IEC 60601-1-8 colours; the marks in the title say the same without colour."""


class LogChannel:
    """Tells on the terminal.

    Args:
        console: where to print whole messages with their links (demo); None: only ids go to the log, because a log
            is read by more people than a carer's telephone.
        timeout_s: after how long an attempt counts as failed.
    """

    name = "log"
    workers = 1

    def __init__(self, *, console: Console | None = None, timeout_s: float = 5.0) -> None:
        self._console = console
        self.timeout_s = timeout_s

    def destination(self, address: str) -> str:
        """There is one terminal."""
        return "terminal"

    async def send(self, message: Outgoing) -> Sent:
        """Print or log it; never fails."""
        if self._console is None:
            _LOG.info(
                "notify.told",
                alert=message.alert,
                notification=message.notification,
                purpose=message.purpose,
                carer=message.carer,
                priority=message.priority,
                rule=message.rule,
            )
        else:
            line = Text.assemble(
                (f" {message.title} ", _STYLES.get(message.priority, "")),
                f"  to {message.carer}  ",
                (message.link, f"underline link {message.link}"),
            )
            self._console.print(line, soft_wrap=True)
        return Sent()

    async def close(self) -> None:
        """Nothing to let go of."""
