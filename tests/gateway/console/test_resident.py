"""A resident's page and its API: what is shown, what is hidden and named, for whom."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.model import Bed, Continence, Status, Vitals
from gateway.store.protection import Kept, store
from rules.model import Priority, Reason
from rules.protection import Level
from tests.gateway.console import lives
from tests.gateway.console.house import House

TABS = ("", "/timeline", "/sleep", "/vitals", "/continence", "/activity", "/devices", "/plan", "/alerts")


@pytest.fixture
async def home(house: House) -> House:
    lives.move_in(house)
    await lives.hear(house, "r01", lives.a_day(), noted=True)
    return house


def text_of(html: str) -> str:
    """What a reader reads: without tags, with single blanks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).strip()


async def read(house: House, path: str, who: str = "nora") -> str:
    async with house.signed_in(who) as client:
        answer = await client.get(path)
        assert answer.status_code == 200, answer.text
        return text_of(answer.text)


async def ask(house: House, path: str, who: str = "nora", status: int = 200) -> Any:
    async with house.signed_in(who) as client:
        answer = await client.get(f"/api/residents/{path}")
        assert answer.status_code == status, answer.text
        return answer.json()


async def test_what_is_open_comes_first_with_the_next_step(home: House) -> None:
    number = await home.raise_alert("r01")
    async with home.signed_in() as client:
        html = (await client.get("/residents/r01")).text
        answer = await client.post(
            f"/alerts/{number}/answer", data={"key": f"{number}-1", "answer": "going:5"}, headers={"Origin": home.url}
        )
        assert answer.status_code in {200, 303}
    text = text_of(html)
    assert text.index("Good to know: Uses a walker.") < text.index("Help pressed") < text.index("Next: Go and ask")
    assert f'href="/alerts/{number}"' in html
    assert "You are going." in await read(home, "/residents/r01")


async def test_the_virtual_visit_tells_the_other_side_nothing(home: House) -> None:
    async with home.signed_in() as client:
        html = (await client.get("/residents/r01")).text
        assert 'href="https://visit.example.org/carmen?a=1&amp;b=2" rel="noreferrer noopener"' in html
        assert "Virtual visit" not in (await client.get("/residents/r02")).text


async def test_protection_and_the_last_place(home: House) -> None:
    kept = Kept(Level.DEGRADED, (Reason("No continence sensor is there."),), lives.AFTERNOON - timedelta(hours=2))
    await home.writer.write(lambda tx: store(tx.db, "r01", kept))
    async with home.signed_in() as client:
        html = (await client.get("/residents/r01")).text
    text = text_of(html)
    assert "Partly protected since 13:00 No continence sensor is there." in text
    assert "20 minutes ago , good to 12 m" in text
    assert 'href="/map?resident=r01"' in html


@pytest.mark.parametrize("tab", TABS)
async def test_every_tab_is_looked_at_only_with_a_line_in_the_audit(home: House, tab: str) -> None:
    await read(home, f"/residents/r01{tab}")
    assert home.ask("SELECT who, object FROM audit WHERE action = 'look' AND object LIKE 'resident/%'") == [
        ("nora", f"resident/r01{tab}")
    ]


@pytest.mark.parametrize("tab", TABS)
async def test_a_carer_of_another_ward_and_a_stranger_find_nobody(home: House, tab: str) -> None:
    async with home.signed_in("bo") as client:
        assert (await client.get(f"/residents/r01{tab}")).status_code == 404
        assert (await client.get(f"/residents/r03{tab}")).status_code == 200
        assert (await client.get(f"/residents/nobody{tab}")).status_code == 404
    assert not home.ask("SELECT 1 FROM audit WHERE object LIKE 'resident/r01%'")


async def test_the_night_in_words_and_as_a_band(home: House) -> None:
    async with home.signed_in() as client:
        html = (await client.get("/residents/r01/sleep")).text
    text = text_of(html)
    assert "Saturday 28 February" in text
    assert "In bed 22:30 to 06:45" in text
    assert "Out of bed once, 12 minutes" in text
    assert "Nothing was heard for" in text
    # 18:00 to 12:00 is 18 hours: in bed from 4.5 h on
    assert 'class="bed" x="250.0"' in html
    assert html.count('<rect class="out"') == 1
    found = await ask(home, "r01/nights?day=2026-02-28&days=2")
    assert [night["day"] for night in found["nights"]] == ["2026-02-28", "2026-02-27"]
    night = found["nights"][0]
    assert night["in_bed"] == {"start": "2026-02-28T21:30:00Z", "end": "2026-03-01T05:45:00Z"}
    assert len(night["exits"]) == 1


async def test_a_gap_in_the_heart_rate_is_a_gap(home: House) -> None:
    async with home.signed_in() as client:
        html = (await client.get("/residents/r01/vitals")).text
    assert html.count('<polyline class="line"') == 4  # heart and breathing, each in two pieces
    assert "58–65 beats a minute" in text_of(html)
    found = await ask(home, "r01/vitals?day=2026-02-28")
    times = [point["at"] for point in found["points"]]
    assert "2026-03-01T00:55:00Z" in times
    assert not [one for one in times if "2026-03-01T01:00:00Z" <= one < "2026-03-01T02:00:00Z"]
    assert found["usual_heart_rate"] is None


async def test_continence_says_since_when_and_what_was_changed(home: House) -> None:
    text = await read(home, "/residents/r01/continence")
    assert "Now Dry since 07:00" in text
    assert "Last change 8 hours ago" in text
    assert "Changed once 04:00 Change due 07:00 Dry" in text
    found = await ask(home, "r01/continence?days=2")
    assert found["changed_at"] == ["2026-03-01T06:00:00Z"]
    assert [one["state"] for one in found["states"]] == ["dry", "change_due", "dry"]
    assert found["states"][-1]["end"] is None


async def test_what_a_silent_sensor_said_last_is_not_how_it_is_now(home: House) -> None:
    home.clock.move_to(lives.at("2026-03-02 04:00"))
    text = await read(home, "/residents/r01/continence")
    assert "Now Not known Nothing heard since 1 Mar 2026 07:00. The last was: Dry." in text
    assert "Last heard 21 hours ago" in text
    assert "Changed once 04:00 Change due 07:00 Dry Nothing was heard for 17 hours" in text
    found = await ask(home, "r01/continence?days=2")
    assert found["heard_at"] == "2026-03-01T06:00:00Z"
    assert found["states"][-2:] == [
        {"start": "2026-03-01T06:00:00Z", "end": "2026-03-01T06:00:00Z", "state": "dry"},
        {"start": "2026-03-01T06:00:00Z", "end": None, "state": "unknown"},
    ]
    # a sensor that says that it is alive, and tells a state only when it changes
    await lives.hear(home, "r01", [Status(device="dry-r01", observed_at=lives.at("2026-03-01 18:00"))])
    text = await read(home, "/residents/r01/continence")
    assert "Now Dry since 1 Mar 2026 07:00" in text
    assert "Last heard 10 hours ago" in text
    await lives.hear(home, "r01", [Continence(device="dry-r01", observed_at=lives.at("2026-03-02 03:00"), state="dry")])
    assert (await ask(home, "r01/continence?days=2"))["states"][-1]["state"] == "dry"
    home.clock.move(13 * 3600)
    assert "Now Not known Nothing heard since 03:00. The last was: Dry." in await read(
        home, "/residents/r01/continence"
    )


async def test_the_hour_that_comes_twice_says_which_it_is(home: House) -> None:
    home.clock.move_to(datetime(2026, 10, 25, 14, 0, tzinfo=UTC))
    night = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    hour = timedelta(hours=1)
    await lives.hear(
        home, "r01", [
            Bed(device="bed-r01", observed_at=night, in_bed=False),
            Vitals(device="bed-r01", observed_at=night, heart_rate_bpm=60.0),
            Bed(device="bed-r01", observed_at=night + hour, in_bed=True),
            Vitals(device="bed-r01", observed_at=night + hour, heart_rate_bpm=70.0),
        ],
    )  # fmt: skip
    text = await read(home, "/residents/r01/timeline")
    assert text.index("02:30 CET In bed.") < text.index("02:30 CEST Out of bed.")
    assert "02:00 CEST 60 02:00 CET 70" in await read(home, "/residents/r01/vitals?day=2026-10-24")


async def test_activity_by_hour(home: House) -> None:
    text = await read(home, "/residents/r01/activity")
    assert "Moved about in 2 hours 40 footsteps Seen in: Kitchen, Garden room." in text
    day = (await ask(home, "r01/activity?days=1"))["days"][0]
    assert (day["hours"][8], day["hours"][9], day["hours"][10]) == (2, 1, None)


async def test_devices_with_battery_last_heard_and_dates(home: House) -> None:
    text = await read(home, "/residents/r01/devices")
    assert "Tracker gps-r01 Heard 19 minutes ago Battery 15% low Since Monday 5 January acme/pendant" in text
    assert "Help button old-r01 Wednesday 1 October – Monday 5 January" in text
    devices = {one["id"]: one for one in (await ask(home, "r01"))["devices"]}
    assert devices["gps-r01"]["battery_percent"] == 15.0
    assert devices["gps-r01"]["heard_at"] == "2026-03-01T13:41:00Z"
    assert devices["old-r01"]["heard_at"] is None


async def test_the_care_plan_in_plain_words(home: House) -> None:
    text = await read(home, "/residents/r01/plan")
    assert "Tells when the person is out of bed for 25 minutes between 22:00 and 06:00." in text
    assert "Where the person is: carers may see it always." in text
    assert "Description and photo: not shown in a search for the person." in text
    assert "Relatives may see: bed, sleep, heart and breathing." in text
    assert "Continence: nobody may see it." in await read(home, "/residents/r02/plan")


async def test_the_timeline_of_a_day_has_everything_in_order(home: House) -> None:
    number = await home.raise_alert("r01", Priority.HIGH)
    text = await read(home, "/residents/r01/timeline?day=2026-03-01")
    parts = ["Help pressed", "Seen in: Kitchen", "07:00 Continence: Dry.", "06:45 Out of bed.", "02:22 In bed."]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "Heart 58–65 a minute, breathing 14 a minute." in text
    assert "22:30" not in text  # the day before
    week = await read(home, "/residents/r01/timeline?span=week")
    assert "Sunday 1 March Help pressed · " in week or "Sunday 1 March Help call · " in week
    found = await ask(home, "r01/timeline?day=2026-03-01&limit=2")
    assert found["entries"][0]["alert"] == number
    rest = await ask(home, f"r01/timeline?day=2026-03-01&limit=200&cursor={found['next']}")
    assert rest["next"] is None
    whole = await ask(home, "r01/timeline?day=2026-03-01&limit=200")
    assert found["entries"] + rest["entries"] == whole["entries"]


async def test_past_alerts_go_on_where_the_page_ends(home: House) -> None:
    numbers = [await home.raise_alert("r01", subject=str(n)) for n in range(33)]
    async with home.signed_in() as client:
        first = (await client.get("/residents/r01/alerts")).text
        following = re.search(r'href="(/residents/r01/alerts\?before=\d+)"', first)
        assert following
        rest = (await client.get(following[1])).text
    shown = [int(one) for one in re.findall(r'class="step" href="/alerts/(\d+)"', first + rest)]
    assert shown == numbers[::-1]
    found = await ask(home, "r01/alerts?limit=20")
    more = await ask(home, f"r01/alerts?limit=20&cursor={found['next']}")
    assert [one["id"] for one in found["alerts"] + more["alerts"]] == numbers[::-1]
    assert more["next"] is None


class TestWhatIsHidden:
    async def test_is_named_and_left_out_everywhere(self, home: House) -> None:
        await lives.hear(home, "r02", lives.a_day())
        text = await read(home, "/residents/r02")
        assert "did not agree to show continence." in text
        assert "No place is shown." in text
        for tab in ("sleep", "vitals", "continence", "activity"):
            async with home.signed_in() as client:
                html = (await client.get(f"/residents/r02/{tab}")).text
            assert "did not agree to show" in text_of(html)
            assert "<svg" not in html
        timeline = await read(home, "/residents/r02/timeline?day=2026-03-01")
        assert "Out of bed." not in timeline
        assert "Kitchen" not in timeline
        assert "Battery" in timeline  # of a device, not of a person

    async def test_so_it_is_in_the_api(self, home: House) -> None:
        await lives.hear(home, "r02", lives.a_day())
        for part in ("nights", "vitals", "continence", "activity"):
            assert "did not agree" in (await ask(home, f"r02/{part}", status=403))["detail"]
        found = await ask(home, "r02")
        assert found["place"] is None
        assert len(found["hidden"]) == 4
        kinds = {entry["kind"] for entry in (await ask(home, "r02/timeline?day=2026-03-01"))["entries"]}
        assert kinds == {"status"}

    async def test_a_place_for_alarms_is_shown_while_one_is_open(self, home: House) -> None:
        document = lives.document()
        document["care_plans"][0]["consents"]["location"] = "alarm"
        home.index = lives.index_of(document)
        assert "only while an alert is open. None is open now." in await read(home, "/residents/r01")
        await home.raise_alert("r01")
        assert "Show on the map" in await read(home, "/residents/r01")


class TestRelatives:
    async def test_see_their_person_and_what_was_agreed(self, home: House) -> None:
        text = await read(home, "/residents/r01", "rita")
        assert "Carmen Vella did not agree that relatives see the place." in text
        assert "Uses a walker." not in text
        assert "A note for the others" not in text
        assert "In bed 22:30 to 06:45" in await read(home, "/residents/r01/sleep", "rita")
        timeline = await read(home, "/residents/r01/timeline?day=2026-03-01", "rita")
        assert "Out of bed." in timeline
        assert "Battery" not in timeline
        assert "Kitchen" not in timeline

    async def test_see_nobody_else_and_no_plan(self, home: House) -> None:
        async with home.signed_in("rita") as client:
            assert (await client.get("/residents/r02")).status_code == 404
            assert (await client.get("/residents/r01/plan")).status_code == 403
            assert (await client.get("/residents/r01/devices")).status_code == 403
            found = (await client.get("/api/residents/r01")).json()
        assert (found["note"], found["devices"], found["rules"], found["level"]) == (None, None, None, None)

    async def test_see_the_alerts_that_they_were_told_about(self, home: House) -> None:
        await home.raise_alert("r01")  # its policy tells nora only
        assert "Nothing is open." in await read(home, "/residents/r01", "rita")
        assert (await ask(home, "r01/alerts", "rita"))["alerts"] == []


@pytest.mark.parametrize(
    "query", ["timeline?cursor=x", "timeline?day=1899-01-01", "alerts?cursor=-1", "nights?day=0001-01-01"]
)
async def test_what_makes_no_sense_is_refused_with_a_word(home: House, query: str) -> None:
    assert "expected" in (await ask(home, f"r01/{query}", status=422))["detail"]


@pytest.mark.parametrize("day", ["x", "1999-12-31", "2026-02-30"])
async def test_a_day_that_is_none_is_a_kind_page(home: House, day: str) -> None:
    async with home.signed_in() as client:
        answer = await client.get("/residents/r01/timeline", params={"day": day})
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
