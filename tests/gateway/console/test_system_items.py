"""What the page of the system says of a part, by how it stands."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.console.pages import Tongue
from gateway.console.system_items import LITTLE_SPACE, Health, channels, store
from gateway.store.standing import TOO_LITTLE_SPACE, ChannelStanding, StoreStanding

NOW = datetime(2026, 3, 1, 2, 12, tzinfo=UTC)
TONGUE = Tongue("en", ZoneInfo("Europe/Malta"), NOW)


@pytest.mark.parametrize(("told", "failed", "look"), [(0, 2, "bad"), (1, 2, "warn"), (3, 0, "good")])
def test_a_channel_on_which_nothing_arrives_does_not_work(told: int, failed: int, look: str) -> None:
    [item] = channels([ChannelStanding("smtp", told, failed, 0, None, None)], {"smtp"}, None, TONGUE)
    assert item.look == look


@pytest.mark.parametrize(
    ("free", "look", "said"),
    [(TOO_LITTLE_SPACE - 1, "bad", True), (TOO_LITTLE_SPACE, "warn", False), (LITTLE_SPACE, "good", False)],
)
def test_a_disk_that_is_almost_full_is_no_matter_of_weeks(free: int, look: str, said: bool) -> None:
    standing = StoreStanding(database_bytes=1, log_bytes=0, free_bytes=free, last_message=None, quarantined=0)
    item = store(Health({}), standing, TONGUE)[0]
    assert (item.look, "please make room now" in item.text) == (look, said)
