import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from itsdangerous import URLSafeSerializer

from gateway.clock import ManualClock
from gateway.errors import StoreError
from gateway.links import LinkClaim, LinkRefusal, Links, secret_in

START = datetime(2026, 3, 2, 9, 30, 0, 500_000, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def links(clock: ManualClock) -> Links:
    return Links("https://care.example.org/", "secret", clock)


def token_of(url: str) -> str:
    prefix = "https://care.example.org/a/"
    assert url.startswith(prefix)
    return url.removeprefix(prefix)


def test_a_link_says_who_about_what_for_what_and_until_when(links: Links) -> None:
    token = token_of(links.make(12, "nora", "alert"))
    until = START.replace(microsecond=0) + timedelta(hours=24)
    assert links.read(token) == LinkClaim(12, "nora", "alert", until)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def test_a_link_ends_with_its_day(links: Links, clock: ManualClock) -> None:
    token = token_of(links.make(12, "nora", "alert"))
    clock.move(24 * 3600 - 1)
    assert isinstance(links.read(token), LinkClaim)
    clock.move(1)
    assert links.read(token) is LinkRefusal.EXPIRED


def test_every_change_of_a_link_is_noticed(links: Links) -> None:
    token = token_of(links.make(12, "nora", "alert"))
    for place, letter in enumerate(token):
        changed = token[:place] + ("A" if letter != "A" else "B") + token[place + 1 :]
        # the last letter of Base64 has unused bits: then it is the same signature, and the same claim
        assert links.read(changed) in {LinkRefusal.FORGED, links.read(token)}
    assert links.read(token[:-5]) is LinkRefusal.FORGED
    body = token.split(".")[0]
    assert links.read(f"{body}.{'A' * 27}") is LinkRefusal.FORGED


@pytest.mark.parametrize("token", ["", ".", "..", "x" * 10_000, "é", "\0", "null", "a.b.c", "\ud800"])
def test_rubbish_is_refused(links: Links, token: str) -> None:
    assert links.read(token) is LinkRefusal.FORGED


@pytest.mark.parametrize("said", [None, 1, [], [1, 2], ["x", "nora", "alert", 1], [1, "nora", "alert", "x"],
                                  [1, "nora", "alert", 10**30], {"a": 1}])  # fmt: skip
def test_what_is_signed_rightly_but_is_no_claim_is_refused(links: Links, said: object) -> None:
    token = URLSafeSerializer("secret", salt="telecare.link.v1").dumps(said)
    assert links.read(str(token)) is LinkRefusal.FORGED


def test_another_secret_and_another_use_of_the_same_secret_are_refused(links: Links, clock: ManualClock) -> None:
    other = Links("https://care.example.org", "other", clock)
    assert links.read(token_of(other.make(12, "nora", "alert"))) is LinkRefusal.FORGED
    session = URLSafeSerializer("secret", salt="session").dumps([12, "nora", "alert", 4_000_000_000])
    assert links.read(str(session)) is LinkRefusal.FORGED


def test_the_secret_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "link.key"
    secret = secret_in(file)
    assert len(secret) >= 40
    assert secret_in(file) == secret
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["link.key"]
    assert secret_in(tmp_path / "other.key") != secret


def test_a_secret_that_can_not_be_kept_is_told(tmp_path: Path) -> None:
    empty = tmp_path / "empty.key"
    empty.write_text("\n")
    with pytest.raises(StoreError, match="is empty"):
        secret_in(empty)
    with pytest.raises(StoreError, match="can't be kept"):
        secret_in(empty / "below" / "a.key")
