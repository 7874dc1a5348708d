"""A message to an alarm receiving centre, as the dispatcher hands it to a channel."""

from datetime import UTC, datetime
from typing import Any

from gateway.notify.channel import Outgoing

NOW = datetime(2026, 3, 1, 2, 12, 30, 500_000, tzinfo=UTC)


def outgoing(**more: Any) -> Outgoing:
    values: dict[str, Any] = {
        "notification": 7, "idempotency": "test-7-1", "alert": 3, "purpose": "alert", "address": "sip:arc@127.0.0.1",
        "carer": "arc", "language": "en", "title": "!!! Room 101: Help pressed", "body": "Act now. Since 03:12.",
        "link": "http://house.test/a/x", "link_words": "See", "site": "haven", "resident": "r01", "room": "101",
        "device": "sos-r01", "rule": "help", "priority": "high", "raised_at": NOW, "observed_at": NOW, "now": NOW,
    }  # fmt: skip
    return Outgoing(**{**values, **more})
