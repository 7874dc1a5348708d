"""An alert of which nobody could be told: whoever looks at a board is the only one who knows."""

from gateway.clock import to_ms
from gateway.notify.next_one import NOBODY_TOLD
from tests.gateway.console.house import House

SAID = "No message about it reached anybody"


async def _cried(house: House, alert: int) -> None:
    await house.writer.write(
        lambda tx: (
            tx.db.execute(
                "INSERT INTO alert_events (alert, at, event, detail) VALUES (?, ?, ?, '{}')",
                (alert, to_ms(tx.now), NOBODY_TOLD),
            )
            and None
        )
    )


async def test_the_board_the_page_and_the_api_say_that_nobody_was_told(house: House) -> None:
    alert, other = await house.raise_alert(), await house.raise_alert("r02")
    async with house.signed_in() as nora:
        assert SAID not in (await nora.get("/board")).text
        await _cried(house, alert)
        house.clock.move(6)
        board = (await nora.get("/board")).text
        assert board.count(SAID) == 1
        [(version,)] = house.ask("SELECT version FROM alerts WHERE id = ?", alert)
        assert f'data-v="{alert}-{version}-u"' in board, "a row that is drawn anew is another one for the page"
        page = (await nora.get(f"/alerts/{alert}")).text
        assert SAID in page
        assert "Nobody could be told" in page, "in the history, in words"
        listed = {one["id"]: one["untold"] for one in (await nora.get("/api/alerts")).json()["alerts"]}
        assert listed == {alert: True, other: False}
        await house.writer.write(
            lambda tx: (
                tx.db.execute(
                    "UPDATE notifications SET state = 'sent', settled_at = ? WHERE alert = ?", (to_ms(tx.now), alert)
                )
                and None
            )
        )
        house.clock.move(6)
        assert SAID not in (await nora.get("/board")).text, "somebody was told since"


async def test_who_goes_ends_it(house: House) -> None:
    alert = await house.raise_alert()
    await _cried(house, alert)
    async with house.signed_in() as nora:
        assert SAID in (await nora.get("/board")).text
        answer = {"type": "acknowledge", "eta_minutes": 5}
        assert (await nora.post(f"/api/alerts/{alert}/answer", json=answer)).status_code == 200
        assert SAID not in (await nora.get("/board")).text
