"""A rule that reminds of what it told before says nothing of an alert that somebody has closed."""

import pytest

from gateway.alerts import desk
from gateway.alerts.model import Answer, Close, Outcome
from tests.gateway.pipeline.chain import Chain, frame

LONG_LIE_S = 600


def fall(chain: Chain) -> int:
    chain.take(frame("fall-r02", "fall", chain.now, phase="confirmed"))
    (alert,) = chain.alerts("fall")
    return alert.id


def test_still_on_the_floor_repeats_the_open_alert(chain: Chain) -> None:
    fall(chain)
    chain.clock.move(LONG_LIE_S)
    chain.tick()
    (alert,) = chain.alerts("fall")
    assert alert.repeats == 1


@pytest.mark.parametrize("minutes", [10, 30, 70])
def test_still_on_the_floor_is_not_told_of_a_fall_that_was_closed(chain: Chain, minutes: int) -> None:
    number = fall(chain)
    close: Answer = Close(Outcome.REAL)
    chain.write(lambda tx: desk.answer(tx, chain.index, number, close, who="nora", via="console"))
    chain.clock.move(minutes * 60)
    chain.tick()
    (alert,) = chain.alerts("fall")
    assert (alert.id, alert.repeats) == (number, 0)


def test_the_next_fall_is_told_after_the_last_was_closed(chain: Chain) -> None:
    number = fall(chain)
    chain.write(lambda tx: desk.answer(tx, chain.index, number, Close(Outcome.REAL), who="nora", via="console"))
    chain.clock.move(2 * LONG_LIE_S)
    chain.take(frame("fall-r02", "fall", chain.now, phase="confirmed"))
    assert len(chain.alerts("fall")) == 2
