"""Channel ``apprise``: the more than 130 services that Apprise speaks to.

Apprise blocks, and its own pool of six threads is shared by all services, so that stuck ones delay healthy ones. So
only its plugins are used, in threads of ours, a few for each destination. Apprise does not say why a send failed:
every failure is taken for one that may pass, and the carer's next contact is tried after ten seconds as always.
"""

import asyncio
import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from gateway.notify.channel import MOST_WORKERS, Outgoing, PermanentFailure, Sent, TemporaryFailure

_KINDS = {"high": "failure", "medium": "warning", "low": "info"}
"""Priorities as Apprise's kinds: services that can show them do so by colour or icon."""


class AppriseChannel:
    """Tells through a service that Apprise knows.

    Args:
        timeout_s: after how long an attempt counts as failed; its thread may live on until Apprise's own limits
            (``cto``, ``rto`` in the address, 4 s each) end it.
    """

    name = "apprise"
    workers = MOST_WORKERS

    def __init__(self, *, timeout_s: float = 20.0) -> None:
        self.timeout_s = timeout_s
        self._threads: dict[str, ThreadPoolExecutor] = {}

    def destination(self, address: str) -> str:
        """The service and its host; hashed, because many services have their token in the host's place."""
        try:
            parts = urlsplit(address)
        except ValueError:
            return ""
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}:{hashlib.sha256(host.encode()).hexdigest()[:12]}"

    async def send(self, message: Outgoing) -> Sent:
        """Notify; False from Apprise may pass, an address that it can't read is for good."""
        destination = self.destination(message.address)
        threads = self._threads.get(destination)
        if threads is None:
            threads = ThreadPoolExecutor(self.workers, thread_name_prefix="apprise")
            self._threads[destination] = threads
        said = await asyncio.get_running_loop().run_in_executor(threads, _notify, message)
        if said is None:
            raise PermanentFailure("Apprise can't read the contact's address, or a library for it is missing")
        if not said:
            raise TemporaryFailure("the service did not take it")
        return Sent()

    async def close(self) -> None:
        """Let the threads end; what they are in the middle of ends by its own time-out."""
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)
        self._threads.clear()


def _notify(message: Outgoing) -> bool | None:
    """In a thread: True: the service took it; None: no such service."""
    # Here, because it costs 0.2 s and 20 MiB, which a gateway without such contacts need not pay.
    import apprise

    # Its log has addresses with tokens in it.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    plugin: Any = apprise.Apprise.instantiate(message.address, suppress_exceptions=True)
    if not plugin:
        return None
    body = f"{message.body}\n{message.link_words}: {message.link}"
    return bool(
        plugin.notify(
            body=body,
            title=message.title,
            notify_type=apprise.NotifyType(_KINDS.get(message.priority, "info")),
            body_format=apprise.NotifyFormat.TEXT,
        )
    )
