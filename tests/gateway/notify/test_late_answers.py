"""Answers that waited on the way: with Telegram while nobody fetched, with an SMS centre, at a provider."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.alerts.codes import code_of
from gateway.alerts.model import Acknowledge
from gateway.alerts.queries import alert as alert_of
from gateway.alerts.since import LATEST
from gateway.notify.callbacks import sms_route
from gateway.notify.channels.telegram import TelegramApi
from gateway.notify.fetching import LITTLE, Fetching
from gateway.notify.sms_answers import GammuInbox
from gateway.notify.telegram_answers import HOLD_S, KEPT, MOST, TelegramAnswers
from gateway.settings.providers import Inbound
from simulators.receiver import Request, Response
from tests.gateway.notify.conftest import START, House
from tests.gateway.notify.test_coming_back import NUMBER, Phones, history, listening, phones, press, says, state
from tests.gateway.notify.test_telephones import Server, answer

__all__ = ["phones"]

HOLD, SECOND, MINUTE = timedelta(seconds=HOLD_S), timedelta(seconds=1), timedelta(minutes=1)
CHAT = 1234


# --- how old what was fetched can be ------------------------------------------------------------------------------


def looked(*ends: timedelta) -> Fetching:
    """Fetches that ended at these times after START, each begun when the one before had ended."""
    fetching = Fetching(HOLD, KEPT)
    for end in ends:
        fetching.begins(START + (ends[ends.index(end) - 1] if ends.index(end) else end))
        fetching.ended(START + end, left_some=False)
    return fetching


def test_after_a_start_it_is_as_old_as_its_message_or_as_anything_can_be() -> None:
    fetching = looked(SECOND)
    now = START + SECOND
    assert fetching.age(now, START - 7 * MINUTE) == 7 * MINUTE + SECOND
    assert fetching.age(now, None) == KEPT
    assert fetching.age(now, START + MINUTE) == timedelta(0), "Telegram's clock is ahead"


def test_while_fetches_follow_each_other_it_is_of_now() -> None:
    fetching = looked(SECOND, HOLD + SECOND, 2 * HOLD)
    assert fetching.age(START + 2 * HOLD, START - MINUTE) == timedelta(0)
    assert fetching.age(START + 2 * HOLD + LITTLE, None) == timedelta(0)
    waited = START + 2 * HOLD + 5 * MINUTE
    assert fetching.age(waited, START) == 5 * MINUTE, "the database was slow, and it waited with us"


def test_a_gap_or_a_failure_is_as_old_as_the_last_look_and_is_caught_up_at_once() -> None:
    fetching = looked(SECOND, HOLD)
    assert fetching.begins(START + HOLD + LITTLE), "what hangs brings what is given now"
    fetching.failed()
    assert not fetching.begins(START + HOLD + SECOND)
    fetching.ended(START + HOLD + 5 * SECOND, left_some=False)
    assert fetching.age(START + HOLD + 5 * SECOND, START) == 5 * SECOND
    assert fetching.begins(START + HOLD + 5 * SECOND)
    later = START + HOLD + 5 * SECOND + LITTLE + SECOND
    assert not fetching.begins(later), "nobody looked for a while"
    fetching.ended(later, left_some=False)
    assert fetching.age(later, START) == LITTLE + SECOND
    assert fetching.age(later, later - 3 * SECOND) == 3 * SECOND


def test_a_fetch_that_took_too_long_is_a_gap() -> None:
    fetching = looked(SECOND, HOLD)
    assert fetching.begins(START + HOLD)
    end = START + 2 * HOLD + LITTLE + SECOND
    fetching.ended(end, left_some=False)
    assert fetching.age(end, None) == HOLD + LITTLE + SECOND


def test_what_one_fetch_could_not_bring_is_as_old_as_the_one_before() -> None:
    fetching = looked(SECOND, HOLD)
    fetching.begins(START + HOLD)
    fetching.ended(START + HOLD + SECOND, left_some=True)
    assert not fetching.begins(START + HOLD + SECOND), "the rest is there: it need not hang"
    fetching.ended(START + HOLD + 2 * SECOND, left_some=False)
    assert fetching.age(START + HOLD + 2 * SECOND, None) == 2 * SECOND


# --- Telegram -----------------------------------------------------------------------------------------------------


class Bot(Server):
    """Telegram: gives out updates from an offset on. ``pops`` False: it is too late for what a button shows."""

    def __init__(self) -> None:
        super().__init__()
        self.updates: list[dict[str, Any]] = []
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.pops = True
        self.up = True

    async def handle(self, request: Request) -> Response:
        method, body = request.path.rpartition("/")[2], json.loads(request.body)
        if not self.up:
            return Response(status=502)
        if method != "getUpdates":
            self.said.append((method, body))
            refused = method == "answerCallbackQuery" and not self.pops
            return answer({"ok": not refused, "result": True}, 400 if refused else 200)
        self.got.append(request)
        found = [one for one in self.updates if one["update_id"] >= body["offset"]]
        if not found:
            await asyncio.sleep(0.01)
        return answer({"ok": True, "result": found[: body["limit"]]})

    def pressed(self, data: str, *, written: datetime) -> None:
        update = press(len(self.updates) + 1, CHAT, data)
        update["callback_query"]["message"]["date"] = int(written.timestamp())
        self.updates.append(update)

    def shown(self, method: str = "answerCallbackQuery") -> list[str]:
        return [body["text"] for name, body in self.said if name == method]


@asynccontextmanager
async def fetched(bot: Bot, house: House, phones: Phones) -> AsyncIterator[None]:
    """The gateway fetches."""
    async with bot.running() as url:
        answers = TelegramAnswers(TelegramApi(server=url, token="1:a", hold_s=1), phones.answering, house.clock)
        task = asyncio.create_task(answers.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_i_am_there_of_before_the_start_is_asked_again_and_then_taken(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    house.clock.move_to(written + LATEST + SECOND)
    bot = Bot()
    bot.pressed(f"there:{alert}:1", written=written)
    async with fetched(bot, house, phones):
        await house.expect(lambda: len(bot.shown()) == 1)
        assert state(house, alert) == ("open", None)
        assert bot.shown() == ["This may be too old. Please press again."]
        await house.expect(lambda: json.loads(bot.got[-1].body)["timeout"] == HOLD_S)
        bot.pressed(f"there:{alert}:1", written=written)
        await house.expect(lambda: len(bot.shown("editMessageText")) == 1)
    assert state(house, alert) == ("attended", "nora")
    assert "Noted that you are there" in bot.shown("editMessageText")[0]
    assert json.loads(bot.got[0].body)["timeout"] == 0, "what waited comes at once, and what comes then is of now"


async def test_too_late_to_be_shown_at_the_button_it_is_told_below(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    house.clock.move_to(written + LATEST + SECOND)
    bot = Bot()
    bot.pops = False
    bot.pressed(f"there:{alert}:1", written=written)
    async with fetched(bot, house, phones):
        await house.expect(lambda: bot.shown("sendMessage"))
        ((_, body),) = [one for one in bot.said if one[0] == "sendMessage"]
        assert (body["chat_id"], body["reply_parameters"]["message_id"]) == (CHAT, 9)
        assert body["text"] == "This may be too old. Please press again."
        bot.pressed(f"there:{alert}:1", written=written)
        await house.expect(lambda: bot.shown("editMessageText"))
    assert state(house, alert) == ("attended", "nora"), "what was taken is written below, also without the pop-up"


async def test_what_was_pressed_while_telegram_was_away_is_as_old_as_the_last_fetch(
    house: House, phones: Phones
) -> None:
    alert, written = await house.fall(), house.clock.now()
    house.clock.move(20 * 60)
    bot = Bot()
    async with fetched(bot, house, phones):
        await house.expect(lambda: len(bot.got) > 1)
        waiting = len(house.clock._moved)
        bot.up = False
        await house.expect(lambda: len(house.clock._moved) > waiting)
        bot.pressed(f"going:{alert}:1", written=written)
        bot.up = True
        house.clock.move(4 * 60)
        await house.expect(lambda: bot.shown("editMessageText"))
    # ten minutes were promised up to four minutes ago: twenty-four, if the message alone were asked
    assert alert_of(house.db, alert).eta_at == house.clock.now() + 6 * MINUTE
    assert history(house, alert) == [("acknowledge", "nora", "telegram")]


async def test_a_promise_that_is_over_is_none(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    house.clock.move(11 * 60)
    bot = Bot()
    bot.pressed(f"going:{alert}:1", written=written)
    async with fetched(bot, house, phones):
        await house.expect(bot.shown)
    assert state(house, alert) == ("open", None)
    assert bot.shown() == ["This may be too old. Please press again."]
    assert bot.shown("editMessageText") == [], "its buttons stay"


async def test_what_happened_again_is_not_answered_by_what_was_pressed_before(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    house.clock.move(60)
    await house.fall()
    bot = Bot()
    bot.pressed(f"there:{alert}:1", written=written)
    async with fetched(bot, house, phones):
        await house.expect(bot.shown)
        assert bot.shown() == ["It happened again since; please look. Your answer was not taken."]
        assert state(house, alert) == ("open", None)
        assert bot.shown("editMessageText") == []
        await house.expect(lambda: json.loads(bot.got[-1].body)["timeout"] == HOLD_S)
        bot.pressed(f"there:{alert}:1", written=written)
        await house.expect(lambda: state(house, alert) == ("attended", "nora"))


async def test_somebody_was_first_takes_the_buttons_away(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    await says(house, alert, Acknowledge(), "boss")
    bot = Bot()
    bot.pressed(f"going:{alert}:1", written=written)
    async with fetched(bot, house, phones):
        await house.expect(lambda: bot.shown("editMessageText"))
    assert "Boss Borg was first" in bot.shown("editMessageText")[0]


async def test_the_last_of_a_hundred_updates_is_no_sign_that_all_are_here(house: House, phones: Phones) -> None:
    bot = Bot()
    bot.updates = [{"update_id": number} for number in range(1, MOST + 2)]
    async with fetched(bot, house, phones):
        await house.expect(lambda: len(bot.got) > 3)
    wanted = [json.loads(one.body) for one in bot.got[:4]]
    assert [(one["offset"], one["timeout"]) for one in wanted] == [
        (0, 0), (MOST + 1, 0), (MOST + 2, HOLD_S), (MOST + 2, HOLD_S)
    ]  # fmt: skip


# --- SMS ----------------------------------------------------------------------------------------------------------

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
