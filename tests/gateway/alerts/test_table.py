from collections import deque
from itertools import product

import pytest

from gateway.alerts.table import (
    EVENT_MEANING,
    PERSON_EVENTS,
    START,
    STATE_MEANING,
    TABLE,
    WHEN_DUE,
    AlertEvent,
    AlertState,
    follow,
)
from gateway.errors import IllegalStepError

PAIRS = list(product(AlertState, AlertEvent))


@pytest.mark.parametrize(("state", "event"), PAIRS)
def test_every_pair_is_in_the_table_or_refused_with_words(state: AlertState, event: AlertEvent) -> None:
    if (state, event) in TABLE:
        assert follow(state, event) is TABLE[state, event]
        return
    with pytest.raises(IllegalStepError) as refused:
        follow(state, event)
    words = str(refused.value)
    assert f"The alert is {state} and can't" in words
    possible = words.split("A person can: ")[1].rstrip(".").split(", ")
    assert set(possible) == {e.value for e in PERSON_EVENTS if (state, e) in TABLE}


def test_only_a_person_closes() -> None:
    closing = {event for (_, event), after in TABLE.items() if after is AlertState.CLOSED}
    assert closing == {AlertEvent.CLOSE}
    assert closing <= PERSON_EVENTS


def test_a_person_can_close_from_every_open_state() -> None:
    assert all((s, AlertEvent.CLOSE) in TABLE for s in AlertState if s is not AlertState.CLOSED)


def test_every_open_state_has_something_that_happens_when_its_time_is_over() -> None:
    assert set(WHEN_DUE) == set(AlertState) - {AlertState.CLOSED}
    assert all((state, event) in TABLE and event not in PERSON_EVENTS for state, event in WHEN_DUE.items())


def test_a_condition_that_goes_away_never_ends_an_alert() -> None:
    for state in set(AlertState) - {AlertState.CLOSED}:
        assert follow(state, AlertEvent.CLEAR) is not AlertState.CLOSED


def test_every_state_is_reached_and_explained() -> None:
    reached, waiting = {START}, deque([START])
    while waiting:
        state = waiting.popleft()
        for (before, _), after in TABLE.items():
            if before is state and after not in reached:
                reached.add(after)
                waiting.append(after)
    assert reached == set(AlertState) == set(STATE_MEANING)
    assert set(AlertEvent) == set(EVENT_MEANING)
