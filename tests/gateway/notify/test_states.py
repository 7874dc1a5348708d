import itertools

import pytest

from gateway.errors import IllegalStepError
from gateway.notify.states import TABLE, TOLD, WAITING, Event, State, after


def test_every_state_and_event_is_in_the_table_or_refused_with_words() -> None:
    for state, event in itertools.product(State, Event):
        if (state, event) in TABLE:
            assert after(state, event) is TABLE[state, event]
        else:
            with pytest.raises(IllegalStepError, match=state):
                after(state, event)


def test_receipts_in_any_order_end_in_the_furthest_one() -> None:
    for order in itertools.permutations((Event.ACCEPTED, Event.REACHED, Event.OPENED)):
        state = State.PENDING
        for event in order:
            state = after(state, event)
        assert state is State.READ


def test_whoever_was_told_is_never_untold_by_a_new_attempt() -> None:
    assert not WAITING & TOLD
    for state in (State.DELIVERED, State.READ):
        assert {TABLE[state, event] for event in Event if (state, event) in TABLE} <= TOLD
    for state in (State.FAILED_FOR_GOOD, State.WITHDRAWN):
        assert not {TABLE[state, event] for event in Event if (state, event) in TABLE} & WAITING


def test_every_state_says_what_it_means() -> None:
    assert {state for state, _ in TABLE} | {State.WITHDRAWN} == set(State)
