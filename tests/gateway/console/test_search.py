"""Searches: who may make a link, what it shows, that every opening is noted, and that it ends."""

import base64
import re
from copy import deepcopy
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from devices.model import Position
from gateway.alerts import desk
from gateway.alerts.model import Close, Outcome
from gateway.alerts.searching import FARTHEST_M, LONGEST, SPEED_MPS, likely_radius_m
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.console.search_map import SIZE, draw
from gateway.store.fixes import Fix
from gateway.store.writer import Tx
from tests.gateway.console.house import DOCUMENT, NOW, House, field

PNG = b"\x89PNG\r\n\x1a\n and the rest"
PHOTO = "data:image/png;base64," + base64.b64encode(PNG).decode()
LOOKS = {"description": "White hair, <red> coat", "photo": PHOTO}


def agreed(house: House, location: str = "always", *, search: bool = True) -> None:
    """r01 agreed to so much."""
    document = deepcopy(DOCUMENT)
    document["residents"][0] |= LOOKS
    document["care_plans"][0]["consents"] = {"location": location, "search": search}
    house.index = CentreIndex(centre_from_document(document))


async def walked(house: House, *steps: tuple[int, float, float]) -> None:
    """Fixes of r01: minutes ago, lon, lat."""

    def work(tx: Tx) -> None:
        for number, (minutes, lon, lat) in enumerate(steps, 1):
            at = NOW - timedelta(minutes=minutes)
            fields = msgspec.json.encode(Position(device="g", lon=lon, lat=lat, accuracy_m=15, observed_at=at)).decode()
            row = (number, 1, "gps-r01", "r01", "position", to_ms(at), to_ms(at), fields)
            tx.db.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    await house.writer.write(work)


async def begun(house: House, **wanted: Any) -> dict[str, Any]:
    async with house.signed_in() as nora:
        answer = await nora.post("/api/residents/r01/search", json=wanted)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found


def path_of(found: dict[str, Any]) -> str:
    return "/s/" + found["link"].rpartition("/")[2]


async def test_one_tap_from_the_alert(house: House) -> None:
    agreed(house)
    number = await house.raise_alert(rule="zone_exit")
    await walked(house, (20, 14.40, 35.89), (5, 14.401, 35.891))
    async with house.signed_in() as nora:
        alert = await nora.get(f"/alerts/{number}")
        token = {"_csrf_token": field(alert.text, "_csrf_token")}
        assert "Make a link for the search" in alert.text
        made = await nora.post(f"/alerts/{number}/search", data=token)
        assert made.status_code == 200, made.text
        assert made.headers["referrer-policy"] == "no-referrer"
        (link,) = re.findall(r'href="(http[^"]+/s/[^"]+)"', made.text)
    async with house.client(headers={}) as helper:
        shown = await helper.get("/s/" + link.rpartition("/")[2])
        assert shown.status_code == 200
        assert "set-cookie" not in shown.headers
    page = shown.text
    assert "Carmen Vella" in page
    assert "White hair, &lt;red&gt; coat" in page
    assert "geo:35.891000,14.401000;u=15" in page
    assert page.index("geo:35.891000") < page.index("geo:35.890000")  # the newest first
    assert "<svg" in page
    assert "stroke-dasharray" in page
    assert page.count("<script") == page.count("/again.js") == 1  # it only loads the page again
    assert "style=" not in page  # the policy would refuse it
    assert "up to 380 m" in page  # 15 m and 5 min at 1.2 m/s: 375 m
    assert house.ask("SELECT who, action FROM audit WHERE action LIKE 'search.%' ORDER BY seq") == [
        ("nora", "search.begin"), (None, "search.open"),
    ]  # fmt: skip
    assert house.ask("SELECT resident, alert, made_by, opened FROM searches") == [("r01", number, "nora", 1)]


async def test_the_token_is_not_in_the_database(house: House) -> None:
    agreed(house)
    token = path_of(await begun(house)).removeprefix("/s/")
    dump = "\n".join(str(house.ask(f"SELECT * FROM {table}")) for table in ("searches", "audit"))
    assert len(token) >= 32
    assert token not in dump


async def test_it_ends_when_the_person_is_found(house: House) -> None:
    agreed(house)
    number = await house.raise_alert(rule="out_of_sight")
    await walked(house, (5, 14.4, 35.89))
    path = path_of(await begun(house))
    close = Close(Outcome.REAL, "")
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, close, "nora", "page"))
    async with house.client(headers={}) as helper:
        over = await helper.get(path)
        assert (over.status_code, "Thank you for your help" in over.text) == (410, True)
        assert "14.4" not in over.text
        assert (await helper.get(f"{path}/photo")).status_code == 404
    opened = house.ask("SELECT detail FROM audit WHERE action = 'search.open'")
    assert opened == [('{"standing":"found"}',)]


async def test_it_ends_by_hand_and_by_itself(house: House) -> None:
    agreed(house)
    first, second = await begun(house), await begun(house, minutes=30)
    async with house.signed_in("bo") as bo:
        assert [one["id"] for one in (await bo.get("/api/searches")).json()["searches"]] == [2, 1]
        part = (await bo.get("/api/searches", params={"limit": 1})).json()
        assert [one["id"] for one in part["searches"]] == [2]
        rest = (await bo.get("/api/searches", params={"limit": 1, "cursor": part["next"]})).json()
        assert ([one["id"] for one in rest["searches"]], rest["next"]) == ([1], None)
        assert (await bo.get("/api/searches", params={"limit": 501})).status_code == 400
        assert (await bo.post("/api/searches/1/end")).json()["standing"] == "ended"
        assert (await bo.post("/api/searches/1/end")).status_code == 200  # again changes nothing
        assert (await bo.post("/api/searches/9/end")).status_code == 404
    assert house.ask("SELECT ended_by FROM searches WHERE id = 1") == [("bo",)]
    async with house.client(headers={}) as helper:
        assert (await helper.get(path_of(first))).status_code == 410
        house.clock.move(30 * 60 - 1)
        assert (await helper.get(path_of(second))).status_code == 200
        house.clock.move(1)
        late = await helper.get(path_of(second))
        assert (late.status_code, "too old" in late.text) == (410, True)
    assert house.ask("SELECT count(*) FROM audit WHERE action = 'search.end'") == [(1,)]


async def test_a_consent_that_is_taken_back_ends_it_too(house: House) -> None:
    agreed(house)
    await walked(house, (5, 14.4, 35.89))
    path = path_of(await begun(house))
    agreed(house, search=False)
    async with house.client(headers={}) as helper:
        less = await helper.get(path)
        assert less.status_code == 200
        assert not [word for word in ("Carmen", "White hair", "/photo") if word in less.text]
        assert (await helper.get(f"{path}/photo")).status_code == 404
        agreed(house, "never")
        assert (await helper.get(path)).status_code == 410
        agreed(house)
        photo = await helper.get(f"{path}/photo")
        assert (photo.content, photo.headers["content-type"]) == (PNG, "image/png")


async def test_never_and_in_an_alarm_only(house: House) -> None:
    agreed(house, "never")
    number = await house.raise_alert(rule="zone_exit")
    async with house.signed_in() as nora:
        refused = await nora.post("/api/residents/r01/search", json={})
        assert refused.status_code == 403
        assert "did not agree to be located" in refused.json()["detail"]
        alert = await nora.get(f"/alerts/{number}")
        assert "did not agree to be located" in alert.text
        assert "Make a link" not in alert.text
        agreed(house, "alarm")
        assert (await nora.post("/api/residents/r01/search", json={})).status_code == 201
        close = Close(Outcome.REAL, "")
        await house.writer.write(lambda tx: desk.answer(tx, house.index, number, close, "nora", "page"))
        refused = await nora.post("/api/residents/r01/search", json={})
        assert (refused.status_code, "in an alarm only" in refused.json()["detail"]) == (403, True)
    assert house.ask("SELECT count(*) FROM searches") == [(1,)]


async def test_in_an_alarm_only_it_ends_with_the_alarm(house: House) -> None:
    agreed(house, "alarm")
    number = await house.raise_alert(rule="help")  # nobody is missing: the link is of no alert
    await walked(house, (61, 14.401, 35.89), (5, 14.402, 35.89))
    path = path_of(await begun(house))
    assert house.ask("SELECT alert FROM searches") == [(None,)]
    close = Close(Outcome.REAL, "")
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, close, "nora", "page"))
    house.clock.move(3600)
    async with house.client(headers={}) as helper, house.signed_in() as nora:
        over = await helper.get(path)
        assert (over.status_code, "14.4" in over.text) == (410, False)
        assert (await helper.get(f"{path}/photo")).status_code == 404
        assert [one["standing"] for one in (await nora.get("/api/searches")).json()["searches"]] == ["refused"]
        agreed(house, "always")
        assert (await helper.get(path)).status_code == 200


async def test_in_an_alarm_only_what_was_long_before_it_is_not_shown(house: House) -> None:
    agreed(house, "alarm")
    await house.raise_alert(rule="zone_exit")
    await walked(house, (61, 14.401, 35.89), (59, 14.402, 35.89), (5, 14.403, 35.89))
    # handed in later than it was seen
    await house.writer.write(lambda tx: tx.db.execute("UPDATE readings SET received_at = ?", (to_ms(NOW),)))
    path = path_of(await begun(house))
    async with house.client(headers={}) as helper:
        shown = (await helper.get(path)).text
        assert [lon for lon in ("14.401", "14.402", "14.403") if f"35.89000, {lon}" in shown] == ["14.402", "14.403"]
        agreed(house, "always")
        assert "35.89000, 14.401" in (await helper.get(path)).text


async def test_who_may_and_what_is_refused(house: House) -> None:
    agreed(house)
    other = await house.raise_alert("r02")
    async with house.signed_in("rita") as rita:
        assert (await rita.post("/api/residents/r01/search", json={})).status_code == 403
        assert (await rita.get("/api/searches")).status_code == 403
    async with house.client() as nobody:
        assert (await nobody.post("/api/residents/r01/search", json={})).status_code == 401
        assert (await nobody.get("/s/forged")).status_code == 404
    async with house.signed_in() as nora:
        for path, body, status in (
            ("r99", {}, 404), ("r01", {"minutes": 5}, 400), ("r01", {"minutes": 1441}, 400),
            ("r01", {"alert": other}, 422), ("r01", {"colour": "red"}, 400),
        ):  # fmt: skip
            assert (await nora.post(f"/api/residents/{path}/search", json=body)).status_code == status, body
        away = {"Origin": "https://elsewhere.test"}
        assert (await nora.post("/api/residents/r01/search", json={}, headers=away)).status_code == 403
        assert (await nora.post(f"/alerts/{other}/search")).status_code == 403  # no token of a form
        assert "Make a link" not in (await nora.get(f"/alerts/{other}")).text  # help: nobody is missing
    assert house.ask("SELECT count(*) FROM searches") == [(0,)]


async def test_no_position_is_told_kindly(house: House) -> None:
    agreed(house)
    await walked(house, (25 * 60, 14.4, 35.89))  # of yesterday: no help any more
    async with house.client(headers={}) as helper:
        shown = await helper.get(path_of(await begun(house)))
    assert "No position of the last day is known" in shown.text
    assert "<svg" not in shown.text


@pytest.mark.parametrize(
    ("accuracy", "age_s", "radius"),
    [(None, 0, 0.0), (20.0, -5, 20.0), (20.0, 600, 740.0), (5.0, 10**6, FARTHEST_M), (50_000.0, 0, FARTHEST_M)],
)
def test_the_radius_grows_and_is_bounded(accuracy: float | None, age_s: float, radius: float) -> None:
    assert likely_radius_m(accuracy, age_s) == pytest.approx(radius)
    assert 0.94 <= SPEED_MPS <= 1.34


def fix(minutes: int, lon: float, lat: float, accuracy: float | None = 10) -> Fix:
    return Fix(lon=lon, lat=lat, accuracy_m=accuracy, at=NOW - timedelta(minutes=minutes), device="g")


def test_the_map_is_true_to_scale_and_north_is_up() -> None:
    drawing = draw([fix(10, 14.4, 35.9), fix(5, 14.4, 35.89)], NOW)  # came from 1,113 m to the north
    (before,) = drawing.fixes
    assert (drawing.last.x, drawing.last.y) == (SIZE / 2, SIZE / 2)
    assert before.x == SIZE / 2
    assert before.y < SIZE / 2
    scale = (SIZE / 2 - before.y) / (0.01 * 111_320)
    assert drawing.likely.r == pytest.approx((10 + 300 * SPEED_MPS) * scale, rel=0.01)
    assert drawing.bar == pytest.approx(drawing.bar_m * scale, rel=0.01)
    assert 0 < drawing.bar <= SIZE / 4


@pytest.mark.parametrize("where", [(0.0, 0.0), (179.9999, 10.0), (-180.0, -89.9), (14.4, 90.0)])
def test_the_map_can_be_drawn_anywhere(where: tuple[float, float]) -> None:
    drawing = draw([fix(10, -where[0], where[1], None), fix(5, *where)], NOW)
    assert 0 < drawing.likely.r <= SIZE / 2
    assert (drawing.last.x, drawing.last.y) == (SIZE / 2, SIZE / 2)


def test_across_the_date_line_is_near() -> None:
    drawing = draw([fix(10, 179.999, 0), fix(5, -179.999, 0)], NOW)
    assert 0 < drawing.fixes[0].x < SIZE / 2


def test_a_bus_ride_before_does_not_make_everything_a_dot() -> None:
    drawing = draw([fix(60, 15.4, 35.89), fix(5, 14.4, 35.89)], NOW)
    assert drawing.likely.r > SIZE / 12


def test_the_longest_is_a_day() -> None:
    assert timedelta(hours=24) == LONGEST
