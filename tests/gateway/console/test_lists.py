"""Lists that change while they are read piece by piece: nothing that stays in them is left out."""

import httpx
import pytest

from gateway.console.listing import _Orders, piece
from gateway.errors import BeginAgainError
from rules.model import Priority
from tests.gateway.console.house import House


class TestPiece:
    def test_what_goes_while_the_list_is_read_moves_nothing_out_of_it(self) -> None:
        part, more = piece(["a", "b", "c"], None, 1, key=str)
        assert (part, more is not None) == (["a"], True)
        assert piece(["b", "c"], more, 1, key=str)[0] == ["b"]

    def test_what_moves_ahead_of_the_cursor_is_still_given(self) -> None:
        part, more = piece(["a", "b", "c"], None, 2, key=str)
        assert (part, piece(["c", "a", "b"], more, 2, key=str)) == (["a", "b"], (["c"], None))

    def test_what_comes_meanwhile_stands_at_the_end(self) -> None:
        _, more = piece(["a", "b", "c"], None, 1, key=str)
        part, more = piece(["new", "a", "b", "c"], more, 2, key=str)
        assert part == ["b", "c"]
        assert piece(["new", "a", "b", "c"], more, 2, key=str) == (["new"], None)

    def test_the_same_list_has_the_same_cursor_and_a_piece_can_be_asked_for_again(self) -> None:
        assert piece([1, 2], None, 1, key=int)[1] == (more := piece([1, 2], None, 1, key=int)[1])
        assert piece([1, 2], more, 1, key=int) == piece([1, 2], more, 1, key=int) == ([2], None)
        assert piece(["1", "2"], None, 1, key=str)[1] != more

    def test_a_cursor_of_nothing_that_is_kept_begins_again(self) -> None:
        with pytest.raises(BeginAgainError):
            piece([1, 2], f"{'0' * 24}-1", 1, key=int)

    def test_orders_used_longest_ago_go_first(self) -> None:
        orders = _Orders(most_keys=4)
        first, second = orders.keep((1, 2)), orders.keep((3, 4))
        assert orders.of(first) == (1, 2)
        orders.keep((5,))
        assert (orders.of(first), orders.of(second)) == ((1, 2), None)


async def test_an_open_alert_is_shown_whatever_is_closed_or_rises_meanwhile(house: House) -> None:
    first, second, third = [await house.raise_alert(one, priority=Priority.LOW) for one in ("r01", "r02", "r03")]
    async with house.signed_in() as nora:
        found, more = await _piece(nora, None)
        assert found == [first]
        await nora.post(f"/api/alerts/{first}/answer", json={"type": "close", "outcome": "real"})
        second_piece, more = await _piece(nora, more)
        assert await house.raise_alert("r03", priority=Priority.HIGH) == third
        assert (second_piece, (await _piece(nora, more))) == ([second], ([third], None))


async def test_a_cursor_that_is_not_known_any_more_says_so(house: House) -> None:
    async with house.signed_in() as nora:
        for path in ("/api/alerts", "/api/residents"):
            answer = await nora.get(path, params={"cursor": f"{'0' * 24}-1"})
            assert (answer.status_code, answer.headers["content-type"]) == (409, "application/problem+json")
            assert "Begin again" in answer.json()["detail"]


async def _piece(client: httpx.AsyncClient, cursor: str | None) -> tuple[list[int], str | None]:
    answer = (await client.get("/api/alerts", params={"limit": 1} | ({"cursor": cursor} if cursor else {}))).json()
    return [one["id"] for one in answer["alerts"]], answer["next"]
