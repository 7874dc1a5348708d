"""Answers by SMS that were late: with the network, at a provider, in our own folder."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.alerts.codes import code_of
from gateway.alerts.model import Close, Outcome
from gateway.alerts.queries import alert as alert_of
from gateway.alerts.since import LATEST
from gateway.notify.callbacks import sms_route
from gateway.notify.sms_answers import GammuInbox
from gateway.settings.providers import Inbound
from tests.gateway.notify.conftest import House
from tests.gateway.notify.test_coming_back import NUMBER, Phones, history, listening, phones, says, state

__all__ = ["phones"]

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
ADDRESS = "/sms/long enough to be secret"


def inbound(**options: Any) -> Inbound:
    found = Inbound(sender="From", text="Body", id="Id", **options)
    found.keep_secret(SecretStr("long enough to be secret"))
    return found


async def posted(phones: Phones, text: str, at: datetime | str, *, mark: str = "1") -> str:
    """An SMS through a provider; returns the reply."""
    field = at if isinstance(at, str) else at.isoformat()
    before = len(phones.said)
    async with listening(sms_route(inbound(at="SentAt"), phones.answers)) as provider:
        body = {"From": NUMBER, "Body": text, "Id": mark, "SentAt": field}
        assert (await provider.post(ADDRESS, data=body)).status_code == 204
    return phones.said[-1][1] if len(phones.said) > before else ""


async def test_an_sms_that_was_late_at_a_provider_is_as_old_as_it_says(house: House, phones: Phones) -> None:
    alert, wrote = await house.fall(), house.clock.now()
    house.clock.move_to(wrote + LATEST + SECOND)
    reply = await posted(phones, f"3 {code_of(alert)}", wrote)
    assert reply == f"{code_of(alert)} (101): It came too late and was not taken. Please answer again."
    assert state(house, alert) == ("open", None)
    await posted(phones, f"3 {code_of(alert)}", house.clock.now(), mark="2")
    assert state(house, alert) == ("attended", "nora")


async def test_going_by_sms_promises_what_is_left_of_it(house: House, phones: Phones) -> None:
    alert, wrote = await house.fall(), house.clock.now()
    house.clock.move(4 * 60)
    await posted(phones, f"1 {code_of(alert)}", wrote)
    assert alert_of(house.db, alert).eta_at == wrote + 10 * MINUTE
    house.clock.move(3600)
    reply = await posted(phones, f"1 {code_of(alert)}", wrote)
    assert "You are going" in reply, "the same one again is what it was"
    assert history(house, alert) == [("acknowledge", "nora", "sms")]


async def test_which_one_is_meant_is_asked_as_of_when_it_was_written(house: House, phones: Phones) -> None:
    first = await house.fall(1)
    await house.settled()
    await house.fall(2)
    await house.settled()
    await says(house, first, Close(Outcome.FALSE), "boss")
    house.clock.move(600)
    wrote = house.clock.now()
    house.clock.move(600)
    assert "Which one?" in await posted(phones, "2", wrote), "the first one was in their head"
    assert "Somebody else is asked" in await posted(phones, "2", house.clock.now(), mark="2")


async def test_words_without_a_code_never_mean_what_came_after_them(house: House, phones: Phones) -> None:
    wrote = house.clock.now()
    house.clock.move(3600)
    alert = await house.fall()
    assert "Which one?" in await posted(phones, "2", wrote)
    assert history(house, alert) == []


@pytest.mark.parametrize("how", ["{iso}", "{iso}Z", " {s} ", "{s}.00", "{ms}", "{east}"])
async def test_a_providers_time_is_read_however_it_is_written(house: House, phones: Phones, how: str) -> None:
    alert, wrote = await house.fall(), house.clock.now()
    house.clock.move(4 * 60)
    seconds = int(wrote.timestamp())
    text = how.format(
        iso=wrote.isoformat().removesuffix("+00:00") if how.endswith("Z") else wrote.isoformat(),
        s=seconds,
        ms=seconds * 1000,
        east=(wrote.replace(tzinfo=None) + timedelta(hours=2)).isoformat() + "+02:00",
    )
    await posted(phones, f"1 {code_of(alert)}", text)
    assert alert_of(house.db, alert).eta_at == wrote + 10 * MINUTE


@pytest.mark.parametrize("text", ["", "yesterday", "2026-03-02T09:30:00", "99999999999999999999", "{hour}"])
async def test_a_time_that_cannot_be_used_is_now_and_is_logged_once(house: House, phones: Phones, text: str) -> None:
    alert = await house.fall()
    house.clock.move_to(house.clock.now() + LATEST + MINUTE)
    ahead = (house.clock.now() + 60 * MINUTE).isoformat()
    with capture_logs() as logs:
        async with listening(sms_route(inbound(at="SentAt"), phones.answers)) as provider:
            for mark in ("1", "2"):
                body = {"From": NUMBER, "Body": f"3 {code_of(alert)}", "Id": mark, "SentAt": text.format(hour=ahead)}
                await provider.post(ADDRESS, data=body)
    assert state(house, alert) == ("attended", "nora")
    assert [one["event"] for one in logs].count("sms.time_unusable") == 1


def put(folder: Path, text: str, *, stamp: str, arrived: datetime) -> None:
    file = folder / f"IN{stamp}_00_{NUMBER}_00.txt"
    file.write_bytes(text.encode("utf-16"))
    os.utime(file, (arrived.timestamp(), arrived.timestamp()))


@pytest.mark.parametrize(
    ("named", "arrived_min", "taken", "warned"),
    [
        pytest.param("105500", 0, True, False, id="five minutes with the network"),
        pytest.param("104000", 0, False, False, id="twenty minutes with the network, in the time of Malta"),
        pytest.param("104000", 20, False, False, id="twenty minutes in our folder"),
        pytest.param("100000", 0, True, True, id="the network writes UTC"),
        pytest.param("120002", 0, True, True, id="the future"),
        pytest.param("996199", 0, True, True, id="no time"),
        pytest.param("996199", 20, False, True, id="no time, but in our folder for long"),
    ],
)
async def test_the_name_of_a_modems_file_tells_how_late_it_is(
    house: House, phones: Phones, tmp_path: Path, named: str, arrived_min: int, *, taken: bool, warned: bool
) -> None:
    alert = await house.fall()
    house.clock.move(30 * 60)
    now = house.clock.now()  # 11:00 in Malta
    put(tmp_path, f"3 {code_of(alert)}", stamp=f"20260302_{named}", arrived=now - arrived_min * MINUTE)
    with capture_logs() as logs:
        assert await GammuInbox(tmp_path, phones.answers, house.clock).look() == 1
    assert state(house, alert) == (("attended", "nora") if taken else ("open", None))
    assert ("sms.time_unusable" in [one["event"] for one in logs]) == warned
