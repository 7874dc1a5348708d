"""What comes back: answers by chat, SMS, keypad; receipts in any order. And what is held back: quiet hours, storms."""

import asyncio
import base64
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from litestar import Litestar, Router
from pydantic import SecretStr
from structlog.testing import capture_logs

from gateway.alerts import queries
from gateway.alerts.codes import code_of
from gateway.alerts.desk import answer as desk_answer
from gateway.alerts.desk import escalate_due
from gateway.alerts.model import Acknowledge, Answer, Close, Outcome
from gateway.centre.model import Carer
from gateway.notify.answering import Answering
from gateway.notify.callbacks import receipts_route, sms_route, voice_route
from gateway.notify.channels.telegram import TelegramApi
from gateway.notify.sms_answers import REPLIES, STRANGERS, GammuInbox, Incoming, SmsAnswers, normal
from gateway.notify.states import Event
from gateway.notify.telegram_answers import TelegramAnswers
from gateway.settings.providers import Inbound, Receipts, Voice
from simulators.receiver import Request, Response
from tests.gateway.notify.conftest import House, index_of
from tests.gateway.notify.test_telephones import Modem, Server, answer, modem, needs_gammu

NUMBER = "+35679000000"
__all__ = ["modem"]


class Phones:
    """SMS that the gateway sent in answer to SMS."""

    def __init__(self, house: House) -> None:
        self.said: list[tuple[str, str]] = []
        self.marks: list[str] = []
        self.answering = Answering(writer=house.writer, index=lambda: house.index, clock=house.clock)
        self.answers = SmsAnswers(self.answering, self.say, house.path)
        self._count = 0

    async def say(self, number: str, carer: Carer | None, text: str, mark: str) -> None:
        self.said.append((number, text))
        self.marks.append(mark)

    async def get(self, text: str, number: str = NUMBER, mark: str = "", *, numbered: bool = True) -> str:
        """The answer to an SMS."""
        self._count += 1
        before = len(self.said)
        await self.answers.take(Incoming(mark or str(self._count), number, text, numbered))
        return self.said[-1][1] if len(self.said) > before else ""


@pytest.fixture
async def phones(house: House) -> AsyncIterator[Phones]:
    house.index = index_of(
        nora=[("sms", NUMBER), ("telegram", "1234"), ("voice", NUMBER)], sam=[("sms", "+4520000000")]
    )
    for name in ("sms", "telegram", "voice", "boss"):
        house.fake(name)
    async with house.running():
        found = Phones(house)
        yield found
        found.answers.close()


def state(house: House, alert: int) -> tuple[str, str | None]:
    found = queries.alert(house.db, alert)
    return found.state.value, found.taken_by


def history(house: House, alert: int) -> list[tuple[str, str | None, str | None]]:
    return [(line.event, line.who, line.via) for line in queries.history(house.db, alert) if line.who]


# --- SMS ----------------------------------------------------------------------------------------------------------


async def test_an_sms_with_a_code_answers_its_alert(house: House, phones: Phones) -> None:
    first, second = await house.fall(1), await house.fall(2)
    await house.settled()
    assert "There by" in await phones.get(f" 1 {code_of(second).lower()}.")
    assert (state(house, first), state(house, second)) == (("open", None), ("acknowledged", "nora"))
    assert "Somebody else" in await phones.get(f"2{code_of(second)}")
    assert history(house, second) == [("acknowledge", "nora", "sms"), ("decline", "nora", "sms")]
    assert next(row["state"] for row in house.rows(f"alert = {second} AND channel = 'sms'")) == "read"


async def says(house: House, alert: int, answer: Answer, who: str) -> None:
    """Somebody answers on the page."""
    await house.writer.write(lambda tx: desk_answer(tx, house.index, alert, answer, who, "page"))


async def promise_runs_out(house: House) -> None:
    house.clock.move(601)
    await house.writer.write(lambda tx: escalate_due(tx, house.index))
    await house.settled()


async def test_a_digit_never_goes_to_another_alert_than_was_meant(house: House, phones: Phones) -> None:
    first = await house.fall(1)
    await house.settled()
    second = await house.fall(2)
    await house.settled()
    await says(house, first, Close(Outcome.FALSE), "boss")
    asked = await phones.get("1")
    assert asked == f"Which one? Open: {code_of(second)} (101). Answer for example 1 {code_of(second)}."
    assert state(house, second) == ("open", None)
    taken = await phones.get(f"1 {code_of(second)}")
    assert taken.startswith(f"{code_of(second)} (101): You are going.")
    await promise_runs_out(house)
    house.clock.move(301)
    assert "You are going" in await phones.get("1"), "nobody thinks of the first one any more"


async def test_words_that_come_again_are_taken_anew_when_something_has_changed(house: House, phones: Phones) -> None:
    alert = await house.fall()
    await house.settled()
    for _ in range(2):
        assert "You are going" in await phones.get("1", mark="words", numbered=False)
    assert history(house, alert) == [("acknowledge", "nora", "sms")]
    await promise_runs_out(house)
    assert state(house, alert) == ("open", None)
    assert "You are going" in await phones.get("1", mark="words", numbered=False)
    assert state(house, alert) == ("acknowledged", "nora")
    assert phones.marks[-1] != phones.marks[0], "a modem sends this reply too"


async def test_an_sms_that_is_delivered_twice_is_told_what_is_true_now(house: House, phones: Phones) -> None:
    alert = await house.fall()
    await house.settled()
    await phones.get("1", mark="SM1")
    await promise_runs_out(house)
    assert "Nobody is going" in await phones.get("1", mark="SM1")
    assert state(house, alert) == ("open", None)
    await says(house, alert, Acknowledge(), "boss")
    assert "Boss Borg is going already." in await phones.get("1", mark="SM1")
    await says(house, alert, Close(Outcome.REAL), "boss")
    assert "no open alert" in await phones.get("1", mark="SM1")


async def test_a_shared_telephone_answers_for_whoever_was_told(house: House, phones: Phones) -> None:
    people = house.index.centre.carers
    ben = people[0].model_copy(update={"id": "ben", "name": "Ben Borg"})
    house.index = type(house.index)(house.index.centre.model_copy(update={"carers": (ben, *people)}))
    alert = await house.fall()
    await house.settled()
    assert "You are going" in await phones.get(f"1 {code_of(alert)}")
    assert state(house, alert) == ("acknowledged", "nora")
    # he is told too, later: but it is she who is on the way, and says that she is there
    await house.writer.write(
        lambda tx: tx.db.execute(
            "INSERT INTO notifications (key, alert, purpose, step, carer, contact, channel, address, state, due_at, "
            "created_at) SELECT 'ben', alert, purpose, step, 'ben', 0, channel, address, 'sent', due_at, created_at "
            "FROM notifications WHERE carer = 'nora' LIMIT 1"
        )
    )
    await phones.get(f"3 {code_of(alert)}")
    assert state(house, alert) == ("attended", "nora")
    await phones.get(f"2 {code_of(alert)}")
    assert "You are going" in await phones.get(f"1 {code_of(alert)}")
    assert history(house, alert)[-1] == ("acknowledge", "ben", "sms"), "nobody had it: the one told last"


@pytest.mark.parametrize("number", ["35679000000", "0035679000000", "+356 7900 0000", "79000000", "079000000"])
async def test_a_number_counts_however_the_provider_writes_it(house: House, phones: Phones, number: str) -> None:
    phones.answers = SmsAnswers(phones.answering, phones.say, house.path, country="+356")
    alert = await house.fall()
    assert "You are going" in await phones.get("1", number=number)
    assert state(house, alert) == ("acknowledged", "nora")
    assert phones.said[-1][0] == NUMBER
    phones.answers.close()


async def test_without_a_code_only_when_one_is_meant(house: House, phones: Phones) -> None:
    assert "no open alert" in await phones.get("1")
    first = await house.fall(1)
    assert "There by" in await phones.get("1")
    assert state(house, first) == ("acknowledged", "nora")
    second = await house.fall(2)
    asked = await phones.get("2")
    assert code_of(first) in asked
    assert code_of(second) in asked
    assert state(house, second) == ("open", None)


async def test_the_same_sms_again_is_one_answer(house: House, phones: Phones) -> None:
    alert = await house.fall()
    for _ in range(2):
        await phones.get("1", mark="IN1.txt")
    assert history(house, alert) == [("acknowledge", "nora", "sms")]


async def test_a_stranger_who_answers_learns_that_it_was_not_taken(house: House, phones: Phones) -> None:
    alert = await house.fall()
    with capture_logs() as logs:
        replies = [await phones.get(f"1 {code_of(alert)}", number="+49300000123") for _ in range(REPLIES + 1)]
        assert await phones.get("Buy now", number="+49300000124") == ""
        assert await phones.get("1", number="Bank") == ""
    assert all("Not taken: this number is not known here" in reply for reply in replies[:-1])
    assert replies[-1] == ""
    told = [(one["number_ends"], one["looks_like_an_answer"]) for one in logs if one["event"] == "sms.stranger"]
    assert told == [*[("123", True)] * (REPLIES + 1), ("124", False), ("", True)]
    for number in range(STRANGERS):
        await phones.get("1", number=f"+4930000{number:04}")
    assert len(phones.said) == STRANGERS, "a prankster does not empty the account"
    assert state(house, alert) == ("open", None)


async def test_help_is_limited(house: House, phones: Phones) -> None:
    alert = await house.fall()
    assert await phones.get("1", number="+4520000000") != "", "a carer who was not told learns nothing is open"
    assert state(house, alert) == ("open", None)
    replies = [await phones.get("What is this?") for _ in range(REPLIES + 3)]
    assert all(f"1 {code_of(alert)}" in reply for reply in replies[:REPLIES])
    assert replies[REPLIES:] == ["", "", ""]
    house.clock.move(3601)
    assert await phones.get("?") != ""
    assert "There by" in await phones.get(f"1 {code_of(alert)}"), "an answer is always taken"


def test_numbers_are_written_in_many_ways() -> None:
    assert {normal(n) for n in ("+356 7900-0000", "0035679000000", "+356 (79) 000000")} == {NUMBER}


@needs_gammu
async def test_an_answer_by_a_real_modem(house: House, phones: Phones, modem: Modem) -> None:
    alert = await house.fall()
    inbox = GammuInbox(modem.folder / "inbox", phones.answers, house.clock)
    await asyncio.to_thread(modem.receives, NUMBER, f"1 {code_of(alert)}")
    async with asyncio.timeout(30):
        while not await inbox.look():
            await asyncio.sleep(0.1)
    assert state(house, alert) == ("acknowledged", "nora")
    assert await inbox.look() == 0, "it is not read again"
    assert len(list((modem.folder / "inbox" / "taken").iterdir())) == 1


# --- Telegram -----------------------------------------------------------------------------------------------------


class Bot(Server):
    """Telegram: gives out updates from an offset on, and keeps what the bot says."""

    def __init__(self, *updates: dict[str, Any]) -> None:
        super().__init__()
        self.updates = list(updates)
        self.said: list[tuple[str, dict[str, Any]]] = []

    async def handle(self, request: Request) -> Response:
        method, body = request.path.rpartition("/")[2], json.loads(request.body)
        if method != "getUpdates":
            self.said.append((method, body))
            return answer({"ok": True, "result": True})
        self.got.append(request)
        found = [one for one in self.updates if one["update_id"] >= body["offset"]]
        if not found:
            await asyncio.sleep(0.01)
        return answer({"ok": True, "result": found})


def press(number: int, sender: int, data: str) -> dict[str, Any]:
    message = {"message_id": 9, "date": 1772443800, "chat": {"id": sender}, "text": "!!! Room 101: Fall"}
    return {
        "update_id": number,
        "callback_query": {"id": f"q{number}", "from": {"id": sender}, "data": data, "message": message},
    }


async def test_a_chat_that_two_share_answers_for_whoever_was_told(house: House, phones: Phones) -> None:
    people = house.index.centre.carers
    ben = people[0].model_copy(update={"id": "ben", "name": "Ben Borg"})
    house.index = type(house.index)(house.index.centre.model_copy(update={"carers": (ben, *people)}))
    alert = await house.fall()
    bot = Bot(press(5, 1234, f"going:{alert}:1"))
    async with bot.running() as url:
        api = TelegramApi(server=url, token="1:a", hold_s=1)
        task = asyncio.create_task(TelegramAnswers(api, phones.answering, house.clock).run())
        await house.expect(lambda: any(method == "editMessageText" for method, _ in bot.said))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert history(house, alert) == [("acknowledge", "nora", "telegram")]


async def test_a_button_in_the_chat_answers_and_the_message_shows_it(house: House, phones: Phones) -> None:
    alert = await house.fall()
    broken = {"update_id": 4, "callback_query": {"id": "x", "from": {}}}
    start = {"update_id": 7, "message": {"text": "/start", "chat": {"id": 77, "type": "private"}, "from": {}}}
    bot = Bot(
        press(3, 999, f"going:{alert}:1"),
        broken,
        press(5, 1234, f"going:{alert}:1"),
        press(6, 1234, "dance:x:1"),
        start,
    )
    async with bot.running() as url:
        api = TelegramApi(server=url, token="1:a", hold_s=1)
        task = asyncio.create_task(TelegramAnswers(api, phones.answering, house.clock).run())
        await house.expect(lambda: any(method == "sendMessage" for method, _ in bot.said))
        await house.expect(lambda: json.loads(bot.got[-1].body)["offset"] == 8)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert history(house, alert) == [("acknowledge", "nora", "telegram")]
    edited = [body for method, body in bot.said if method == "editMessageText"]
    assert len(edited) == 1
    assert "You are going" in edited[0]["text"]
    assert "reply_markup" not in edited[0]
    shown = [body for method, body in bot.said if method == "answerCallbackQuery"]
    assert [body["callback_query_id"] for body in shown] == ["q3", "q5"]
    assert "not known here" in shown[0]["text"]
    assert "77" in bot.said[-1][1]["text"]


# --- keypad, SMS and receipts over HTTP ---------------------------------------------------------------------------


@asynccontextmanager
async def listening(*routes: Router) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Litestar(route_handlers=list(routes)))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway.test") as client:
        yield client


def voice_of(house: House, phones: Phones, **options: Any) -> Router:
    settings = Voice(url="https://calls.example.org/", **options)
    settings.keep_secret(SecretStr("token of the account"))
    return voice_route(
        settings, links=house.links, db=lambda: house.db, answering=phones.answering, report=house.dispatcher.receipt,
        clock=house.clock,
    )  # fmt: skip


async def called(house: House) -> tuple[int, str]:
    """Somebody fell, and nora is called; the alert, and the address that the provider asks at."""
    alert = await house.fall()
    await house.writer.write(
        lambda tx: tx.db.execute("UPDATE notifications SET channel = 'voice' WHERE carer = 'nora'")
    )
    (row,) = house.rows("carer = 'nora'")
    return alert, house.links.callback("voice", row["id"]).removeprefix("https://care.example.org")


async def test_a_call_says_what_it_is_and_takes_a_key(house: House, phones: Phones) -> None:
    alert, path = await called(house)
    await house.settled()
    async with listening(voice_of(house, phones)) as provider:
        asked = await provider.post(path, data={"CallSid": "CA1"})
        assert asked.headers["content-type"].startswith("application/xml")
        assert "Room 101: Fall" in asked.text
        assert f'action="https://care.example.org{path}"' in asked.text
        assert state(house, alert) == ("open", None)
        assert house.rows("carer = 'nora'")[0]["state"] == "sent", "a mailbox takes calls too"
        done = await provider.post(path, data={"Digits": "1"})
        assert "You are going" in done.text
        assert (await provider.post("/voice/forged", data={"Digits": "1"})).status_code == 404
    assert history(house, alert) == [("acknowledge", "nora", "voice")]
    assert house.rows("carer = 'nora'")[0]["state"] == "read"


async def test_a_key_that_is_pressed_again_counts_again_and_the_words_are_true(house: House, phones: Phones) -> None:
    alert, path = await called(house)
    await house.settled()
    async with listening(voice_of(house, phones)) as provider:

        async def press(key: str) -> str:
            return (await provider.post(path, data={"Digits": key})).text

        assert "You are going" in await press("1")
        assert "You are going" in await press("1")
        assert len(history(house, alert)) == 1, "a provider that sends it twice"
        assert "Somebody else is asked" in await press("2")
        assert "You are going" in await press("1")
        assert state(house, alert) == ("acknowledged", "nora")
        await press("2")
        await says(house, alert, Acknowledge(), "boss")
        assert "Boss Borg was first" in await press("1")
        assert state(house, alert) == ("acknowledged", "boss")
        await promise_runs_out(house)
        assert "You are going" in await press("1")
        assert state(house, alert) == ("acknowledged", "nora")


async def test_a_mailbox_is_nobody_so_the_next_contact_is_tried(house: House, phones: Phones) -> None:
    _, path = await called(house)
    await house.settled()
    (row,) = house.rows("carer = 'nora'")
    async with listening(voice_of(house, phones)) as provider:
        await provider.post(path, data={"CallSid": "CA1"})
    await house.dispatcher.receipt(row["id"], Event.GAVE_UP, "no-answer")
    await house.expect(lambda: len(house.rows("carer = 'nora'")) == 2)
    assert house.rows("carer = 'nora'")[0]["state"] == "failed_for_good"
    assert house.rows("carer = 'nora'")[1]["contact"] == 1


@pytest.mark.parametrize("kind", ["twilio", "hmac-sha256"])
async def test_a_key_counts_only_when_it_is_signed(house: House, phones: Phones, kind: str) -> None:
    alert, path = await called(house)
    key = b"token of the account"
    signed = f"https://care.example.org{path}CallSidCA1Digits1"
    proofs = {
        "twilio": base64.b64encode(hmac.digest(key, signed.encode(), "sha1")).decode(),
        "hmac-sha256": hmac.digest(key, b"CallSid=CA1&Digits=1", "sha256").hex(),
    }
    async with listening(voice_of(house, phones, signature=kind, signature_header="X-Signed")) as provider:
        for proof in ("", "x", proofs[kind][::-1]):
            said = await provider.post(path, data={"CallSid": "CA1", "Digits": "1"}, headers={"X-Signed": proof})
            assert said.status_code == 403
        assert state(house, alert) == ("open", None)
        await provider.post(path, data={"CallSid": "CA1", "Digits": "1"}, headers={"X-Signed": proofs[kind]})
    assert state(house, alert) == ("acknowledged", "nora")


async def test_a_providers_sms_comes_in_at_an_address_that_nobody_guesses(house: House, phones: Phones) -> None:
    alert = await house.fall()
    inbound = Inbound(sender="/from", text="/body/text")
    inbound.keep_secret(SecretStr("long enough to be secret"))
    async with listening(sms_route(inbound, phones.answers)) as provider:
        sms = {"from": "0035679000000", "body": {"text": f"1 {code_of(alert)}"}}
        assert (await provider.post("/sms/guessed", json=sms)).status_code == 404
        assert state(house, alert) == ("open", None)
        address = "/sms/long enough to be secret"
        assert (await provider.post(address, json=sms)).status_code == 204
        assert (await provider.post(address, json={"from": "1"})).status_code == 400
    assert state(house, alert) == ("acknowledged", "nora")


async def test_receipts_in_any_order(house: House, phones: Phones) -> None:
    await house.fall()
    await house.expect(lambda: house.rows("carer = 'nora'")[0]["state"] == "sent")
    (row,) = house.rows("carer = 'nora'")
    route = receipts_route(
        {"sms": Receipts(state="MessageStatus", read=("read",))},
        house.links,
        lambda: house.db,
        house.dispatcher.receipt,
    )
    path = house.links.callback("receipt", row["id"]).removeprefix("https://care.example.org")
    other = house.links.callback("voice", row["id"]).removeprefix("https://care.example.org/voice")
    async with listening(route) as provider:
        for word, expected in (("queued", "sent"), ("read", "read"), ("delivered", "read"), ("failed", "read")):
            assert (await provider.post(path, data={"MessageStatus": word})).status_code == 204
            assert house.rows("carer = 'nora'")[0]["state"] == expected, word
        assert (await provider.post("/receipt" + other, data={"MessageStatus": "failed"})).status_code == 404


async def test_a_receipt_before_the_providers_answer_and_a_failure_after_it(house: House) -> None:
    channel = house.fake("a")
    house.fake("b")

    async def early(message: Any) -> None:
        await house.dispatcher.receipt(message.notification, Event.REACHED)

    channel.script = early
    async with house.running():
        await house.fall()
        await house.expect(lambda: house.rows()[0]["provider_id"] is not None)
        (row,) = house.rows()
        assert (row["state"], row["attempts"]) == ("delivered", 1)
        channel.script = None
        await house.fall(2)
        await house.expect(lambda: house.rows()[1]["state"] == "sent")
        await house.dispatcher.receipt(house.rows()[1]["id"], Event.GAVE_UP, "the provider says undelivered")
        await house.expect(lambda: len(house.rows()) == 3)
        assert [(one["contact"], one["state"]) for one in house.rows()[1:]] == [(0, "failed_for_good"), (1, "sent")]
