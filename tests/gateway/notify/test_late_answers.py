"""Answers that waited with Telegram, while nobody fetched."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from gateway.alerts.model import Acknowledge
from gateway.alerts.queries import alert as alert_of
from gateway.alerts.since import LATEST
from gateway.notify.channels.telegram import TelegramApi
from gateway.notify.fetching import LITTLE, Fetching
from gateway.notify.telegram_answers import HOLD_S, KEPT, MOST, TelegramAnswers
from simulators.receiver import Request, Response
from tests.gateway.notify.conftest import START, House
from tests.gateway.notify.test_coming_back import Phones, history, phones, press, says, state
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
    assert bot.shown("sendMessage") == [], "what was shown at the button is not said again"
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


async def test_a_failure_of_seconds_is_a_gap_too(house: House, phones: Phones) -> None:
    alert, written = await house.fall(), house.clock.now()
    bot = Bot()
    async with fetched(bot, house, phones):
        await house.expect(lambda: len(bot.got) > 1)
        waiting = len(house.clock._moved)
        bot.up = False
        await house.expect(lambda: len(house.clock._moved) > waiting)
        bot.pressed(f"there:{alert}:1", written=written)
        house.clock.move(0.5)
        await house.fall()
        bot.up = True
        house.clock.move(0.6)
        await house.expect(bot.shown)
    assert bot.shown() == ["It happened again since; please look. Your answer was not taken."]


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
