"""What an alert's page says of what to do first: the care note, the next step, the virtual visit, the map."""

from copy import deepcopy
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest

from devices.model import Position
from gateway.alerts import desk
from gateway.alerts.model import Close, Outcome
from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from gateway.clock import to_ms
from gateway.store.writer import Tx
from tests.gateway.console.house import DOCUMENT, House

VISIT = "https://visit.example.org/r01"


def agreed(house: House, **consents: Any) -> None:
    """r01 with a virtual visit, rita as relative, and these consents; rita is told of its alerts too."""
    document = deepcopy(DOCUMENT)
    document["residents"][0] |= {"visit": VISIT, "relatives": ["rita"]}
    document["care_plans"][0] |= {"consents": consents, "policy": "family"}
    house.index = CentreIndex(centre_from_document(document))


async def seen(house: House) -> None:
    """The resident's tracker told where it is, two minutes ago."""
    fields = msgspec.json.encode(Position(device="gps-r01", lon=14.4, lat=35.89, accuracy_m=20)).decode()
    now = house.clock.now()

    def work(tx: Tx) -> None:
        tx.db.execute(
            "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
            " VALUES (4096, 1, 'gps-r01', 'r01', 'position', ?, ?, ?)",
            (to_ms(now - timedelta(minutes=2)), to_ms(now), fields),
        )

    await house.writer.write(work)


async def page_of(house: House, carer: str, number: int) -> httpx.Response:
    async with house.signed_in(carer) as client:
        return await client.get(f"/alerts/{number}")


async def test_staff_see_note_next_step_visit_and_map(house: House) -> None:
    agreed(house, location="alarm")
    await seen(house)
    text = (await page_of(house, "nora", await house.raise_alert(rule="fall"))).text
    assert text.count("Uses a walker.") == 1
    assert "Go at once. Ask about pain before anybody is lifted." in text
    assert f'<a class="button" href="{VISIT}" target="_blank" rel="noopener noreferrer">Virtual visit</a>' in text
    assert "Last seen 2 minutes ago (good to 20 m)" in text
    assert 'href="geo:35.89000,14.40000"' in text


async def test_without_consent_nobody_sees_where(house: House) -> None:
    agreed(house)
    await seen(house)
    text = (await page_of(house, "nora", await house.raise_alert())).text
    assert "Virtual visit" in text
    assert "Last seen" not in text
    assert "geo:" not in text


@pytest.mark.parametrize("relatives", [[], ["location"]])
async def test_relatives_see_where_only_if_agreed_and_no_care_note(house: House, relatives: list[str]) -> None:
    agreed(house, location="always", relatives=relatives)
    await seen(house)
    text = (await page_of(house, "rita", await house.raise_alert())).text
    assert "Help pressed" in text
    assert ("geo:35.89000,14.40000" in text) is bool(relatives)
    for secret in ("Uses a walker", VISIT, "Go and ask what is needed."):
        assert secret not in text


async def test_when_it_is_closed_there_is_nothing_to_do_first(house: House) -> None:
    agreed(house, location="always")
    await seen(house)
    number = await house.raise_alert()
    closing = Close(Outcome.REAL)
    await house.writer.write(lambda tx: desk.answer(tx, house.index, number, closing, "nora", "page"))
    text = (await page_of(house, "nora", number)).text
    assert "Go and ask what is needed." not in text
    assert "geo:" not in text
    assert "Uses a walker." in text
