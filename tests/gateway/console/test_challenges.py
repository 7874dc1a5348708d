"""Challenges of passkeys: once, in one browser, for five minutes, and no stranger can push out another's."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.clock import ManualClock
from gateway.console.challenges import CHALLENGE_LASTS, Challenges
from gateway.errors import PasskeyError
from tests.gateway.console.house import NOW, SECRET


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def challenges(clock: ManualClock) -> Challenges:
    return Challenges(clock, SECRET, secure=False)


def back(cookie: Any) -> Any:
    """A request of the browser that got the cookie."""
    return SimpleNamespace(cookies={cookie.key: cookie.value})


def test_it_works_once_and_for_whom_it_was_made(challenges: Challenges) -> None:
    asked = back(challenges.cookie(b"one", "nora"))
    for other in (None, "sam"):
        with pytest.raises(PasskeyError):
            challenges.take(asked, other)
    assert challenges.take(asked, "nora") == b"one"
    with pytest.raises(PasskeyError):
        challenges.take(asked, "nora")


def test_it_gets_too_old_also_when_the_clock_is_set_back(challenges: Challenges, clock: ManualClock) -> None:
    asked = back(challenges.cookie(b"one", None))
    clock.move_to(NOW + CHALLENGE_LASTS)
    with pytest.raises(PasskeyError):
        challenges.take(asked, None)
    clock.move_to(NOW - CHALLENGE_LASTS)
    with pytest.raises(PasskeyError):
        challenges.take(asked, None)


def test_whoever_asks_again_and_again_takes_nobody_elses(challenges: Challenges) -> None:
    asked = back(challenges.cookie(b"nora's", "nora"))
    for number in range(3_000):
        challenges.cookie(str(number).encode(), None)
    assert challenges.take(asked, "nora") == b"nora's"


def test_one_that_was_made_up_or_of_another_house_is_none(challenges: Challenges, clock: ManualClock) -> None:
    theirs = Challenges(clock, "another secret that is long enough", secure=False).cookie(b"one", None)
    for asked in (back(theirs), SimpleNamespace(cookies={theirs.key: "x"}), SimpleNamespace(cookies={})):
        with pytest.raises(PasskeyError):
            challenges.take(asked, None)
