"""CAP 1.2: what is in a message, how it is signed, and the centre's answers back to the desk."""

from collections.abc import AsyncIterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook

from devices.model import Position
from gateway.alerts.desk import escalate_due
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.notify import cap, handover, xml
from gateway.notify.alarm_centre_answers import cap_route
from gateway.notify.answering import Answering
from gateway.notify.cap import Earlier, Place
from gateway.notify.channel import Outgoing
from gateway.notify.channels.cap import CapChannel, cap_of
from gateway.notify.outbox import row_of
from gateway.notify.states import Event, State
from gateway.notify.xml import XmlError
from gateway.store.database import reader
from gateway.store.writer import Tx
from tests.gateway.alarm_centre.messages import NOW, outgoing
from tests.gateway.console.house import DOCUMENT, House

SIGNING = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
URL = "http://house.test/cap/token"


def texts(data: bytes) -> list[tuple[str, str]]:
    """Every element with a text, in order."""
    return [(xml.local(one), one.text or "") for one in xml.read(data).iter() if (one.text or "").strip()]


def written(**more: object) -> list[tuple[str, str]]:
    return texts(cap.write(cap_of(outgoing(**more), URL)))


def one(found: list[tuple[str, str]], name: str) -> str:
    (value,) = [text for key, text in found if key == name]
    return value


def test_a_whole_message() -> None:
    place = Place(lon=14.4, lat=35.89, radius_m=25, at=NOW)
    assert written(place=place, created_at=NOW) == [
        ("identifier", "haven.telecare.7"), ("sender", "haven.telecare"), ("sent", "2026-03-01T02:12:30-00:00"),
        ("status", "Actual"), ("msgType", "Alert"), ("scope", "Private"), ("addresses", "arc"),
        ("incidents", "haven.alert.3"), ("language", "en"), ("category", "Health"), ("event", "help"),
        ("responseType", "Execute"), ("urgency", "Immediate"), ("severity", "Severe"), ("certainty", "Observed"),
        ("onset", "2026-03-01T02:12:30-00:00"), ("senderName", "haven.telecare"),
        ("headline", "!!! Room 101: Help pressed"), ("description", "Act now. Since 03:12."),
        ("web", "http://house.test/a/x"), ("valueName", "purpose"), ("value", "alert"), ("valueName", "room"),
        ("value", "101"), ("valueName", "device"), ("value", "sos-r01"), ("valueName", "answer_url"), ("value", URL),
        ("valueName", "located_at"), ("value", "2026-03-01T02:12:30-00:00"),
        ("areaDesc", "Last known place of the person"), ("circle", "35.890000,14.400000 0.025"),
    ]  # fmt: skip
    assert xml.read(cap.write(cap_of(outgoing(), URL))).tag == f"{{{cap.NAMESPACE}}}alert"


def test_no_area_without_a_place() -> None:
    assert not {"area", "circle", "areaDesc"} & {name for name, _ in written()}


@pytest.mark.parametrize(
    ("purpose", "kind"),
    [("alert", "Alert"), ("reminder", "Update"), ("repeat", "Update"), ("cleared", "Update"), ("taken", "Cancel")],
)
def test_what_a_purpose_becomes(purpose: str, kind: str) -> None:
    earlier = (Earlier("haven.telecare.1", NOW), Earlier("haven.telecare.2", NOW + timedelta(seconds=1)))
    found = written(purpose=purpose, earlier=earlier)
    assert one(found, "msgType") == kind
    if kind != "Alert":
        assert one(found, "references") == (
            "haven.telecare,haven.telecare.1,2026-03-01T02:12:30-00:00"
            " haven.telecare,haven.telecare.2,2026-03-01T02:12:31-00:00"
        )
        # whoever has heard nothing yet can't be told of a change
        assert one(written(purpose=purpose), "msgType") == "Alert"


@pytest.mark.parametrize(
    ("rule", "resident", "priority", "expected"),
    [
        ("zone_exit", "r01", "high", (["Safety", "Rescue"], "Immediate", "Severe", "Likely")),
        ("bed_exit", "r01", "medium", (["Health"], "Expected", "Moderate", "Likely")),
        ("broker_gone", None, "low", (["Infra"], "Future", "Minor", "Likely")),
    ],
)
def test_how_urgent_it_is(
    rule: str, resident: str | None, priority: str, expected: tuple[list[str], str, str, str]
) -> None:
    found = written(rule=rule, resident=resident, priority=priority)
    categories = [text for name, text in found if name == "category"]
    assert (categories, one(found, "urgency"), one(found, "severity"), one(found, "certainty")) == expected


def test_a_test_says_so_and_texts_can_be_anything() -> None:
    found = written(purpose="test", title="<b>&\x00\ud800\n", carer="a, b<")
    assert one(found, "status") == "Test"
    assert one(found, "headline") == "<b>&\n"
    assert one(found, "addresses") == "a__b_"


async def test_it_is_posted_and_signed(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/cap", method="POST").respond_with_data("")
    channel = CapChannel(
        answer_url=lambda number: f"{URL}{number}", secret=SIGNING, allow_private=["localhost"], timeout_s=5
    )
    # the check of a signature compares its time with the machine's clock
    message = outgoing(address=httpserver.url_for("/cap"), now=datetime.now(UTC))
    sent = await channel.send(message)
    await channel.close()
    ((request, _),) = httpserver.log
    assert sent.provider_id == "haven.telecare.7"
    assert request.headers["content-type"] == "application/cap+xml"
    with pytest.raises(Exception, match=r"JSON|Expecting"):  # the signature holds; only then the body is read as JSON
        Webhook(SIGNING).verify(request.data, dict(request.headers))
    assert ("value", f"{URL}7") in texts(request.data)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"<alert/>", b"<alert><msgType>Alert</msgType></alert>", b"<other><msgType>Ack</msgType></other>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><alert><msgType>Ack</msgType></alert>',
    ],
)  # fmt: skip
def test_what_is_no_acknowledgement(data: bytes) -> None:
    with pytest.raises(XmlError):
        cap.read(data)


def ack(kind: str = "Ack", references: str = "haven.telecare,haven.telecare.1,2026-03-01T02:12:30-00:00") -> bytes:
    inner = f"<msgType>{kind}</msgType><note>n</note><references>{references}</references>"
    return f'<alert xmlns="{cap.NAMESPACE}">{inner}</alert>'.encode()


class Centre:
    """A house whose first step is an alarm receiving centre, and its answer route."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.reports: list[tuple[int, Event]] = []

    async def report(self, number: int, event: Event, _: str | None) -> State | None:
        self.reports.append((number, event))
        return None

    async def serve(self) -> None:
        """Serve with the answer route."""
        house = self.house
        answering = Answering(writer=house.writer, index=lambda: house.index, clock=house.clock)
        route = cap_route(links=house.links, db=lambda: reader(house.path), answering=answering, report=self.report)
        await house.stop_serving()
        house.settings["more_routes"] = (route,)
        await house.serve()

    def client(self) -> httpx.AsyncClient:
        """Somebody elsewhere: no cookies, no origin."""
        return self.house.client(headers={})

    def path(self, notification: int = 1, kind: str = "cap") -> str:
        return self.house.links.callback(kind, notification).removeprefix("http://house.test")


@pytest.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    house = House(tmp_path)
    house.index = index_with("never")
    await house.start()
    await house.raise_alert()
    centre = Centre(house)
    await centre.serve()
    try:
        yield centre
    finally:
        await house.stop()


def index_with(location: str) -> CentreIndex:
    document = deepcopy(DOCUMENT)
    contact = {"channel": "cap", "address": "https://arc.example.org/cap"}
    document["carers"].append({"id": "arc", "name": "ARC", "kind": "alarm_centre", "contacts": [contact]})
    document["policies"][0]["steps"][0]["to"] = ["arc"]
    document["care_plans"][0]["consents"] = {"location": location}
    return CentreIndex(centre_from_document(document))


async def test_an_acknowledgement_takes_the_alert(centre: Centre) -> None:
    async with centre.client() as client:
        for _ in range(2):  # sent twice, it counts once
            answer = await client.post(centre.path(), content=ack(), headers={"content-type": "application/cap+xml"})
            assert answer.status_code == 200, answer.text
        assert "You are going" in answer.text
    assert centre.house.ask("SELECT state, taken_by FROM alerts") == [("acknowledged", "arc")]
    assert centre.house.ask("SELECT who, via FROM alert_events WHERE event = 'acknowledge'") == [("arc", "cap")]
    assert centre.reports[0] == (1, Event.OPENED)


async def test_the_same_word_after_the_promise_ran_out_is_a_new_one(centre: Centre) -> None:
    house = centre.house
    async with centre.client() as client:
        await client.post(centre.path(), content=ack())
        house.clock.move(601)
        await house.writer.write(lambda tx: escalate_due(tx, house.index))
        assert house.ask("SELECT state FROM alerts") == [("open",)]
        again = await client.post(centre.path(), content=ack())
        assert (again.status_code, "You are going" in again.text) == (200, True)
        assert house.ask("SELECT state, taken_by FROM alerts") == [("acknowledged", "arc")]


async def test_an_error_or_a_word(centre: Centre) -> None:
    async with centre.client() as client:
        assert (await client.post(centre.path(), content=ack("Error"))).status_code == 200
        assert centre.house.ask("SELECT event, who FROM alert_events WHERE event = 'decline'") == [("decline", "arc")]
        assert (await client.post(centre.path(), content=b"answer=there")).status_code == 200
    assert centre.house.ask("SELECT state FROM alerts") == [("attended",)]


async def test_what_changes_nothing(centre: Centre) -> None:
    before = centre.house.ask("SELECT state, version FROM alerts")
    async with centre.client() as client:
        for path, content, status in (
            (centre.path(), ack(references="a,another,b"), 422), (centre.path(), ack("Alert"), 422),
            (centre.path(), b"answer=perhaps", 422), (centre.path(), b"", 422), (centre.path(99), ack(), 404),
            (centre.path(kind="receipt").replace("/receipt/", "/cap/"), ack(), 404), ("/cap/forged", ack(), 404),
        ):  # fmt: skip
            assert (await client.post(path, content=content)).status_code == status, content
        assert (await client.get(centre.path())).status_code == 405
    assert centre.house.ask("SELECT state, version FROM alerts") == before


async def completed(house: House, number: int = 1) -> Outgoing:
    db = reader(house.path)
    try:
        row = row_of(db, number)
        assert row is not None
        return handover.completed(db, house.index, row, outgoing(alert=row.alert))
    finally:
        db.close()


async def test_the_place_only_as_agreed(centre: Centre) -> None:
    def work(tx: Tx) -> None:
        fields = msgspec.json.encode(Position(device="gps", lon=14.4, lat=35.89, accuracy_m=12)).decode()
        row = (1, 1, "gps-r01", "r01", "position", None, to_ms(tx.now), fields)
        tx.db.execute("INSERT INTO readings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    await centre.house.writer.write(work)
    assert (await completed(centre.house)).place is None
    centre.house.index = index_with("alarm")
    place = (await completed(centre.house)).place
    assert place == Place(lon=14.4, lat=35.89, radius_m=12, at=centre.house.clock.now())


async def test_what_the_centre_has_heard_before(centre: Centre) -> None:
    def work(tx: Tx) -> None:
        tx.db.execute("UPDATE notifications SET state = 'sent' WHERE id = 1")
        tx.db.execute(
            "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state, due_at,"
            " created_at) SELECT 'again', alert, 'reminder', 0, carer, 0, channel, address, 'pending', due_at, due_at"
            " FROM notifications WHERE id = 1"
        )

    await centre.house.writer.write(work)
    assert (await completed(centre.house)).earlier == ()
    assert [one.identifier for one in (await completed(centre.house, 2)).earlier] == ["haven.telecare.1"]
