"""What a link does: each action once, opening it is noticed, looking at it by a machine is not."""

import pytest

from gateway.alerts import contact_tests
from tests.gateway.console.house import House


def path_of(house: House, number: int, carer: str, purpose: str = "alert") -> str:
    return house.links.make(number, carer, purpose).removeprefix("http://house.test")


async def sent(house: House) -> None:
    """The provider took everything over."""
    await house.writer.write(lambda tx: tx.db.execute("UPDATE notifications SET state = 'sent', attempts = 1"))


def states(house: House) -> list[tuple[str, str]]:
    return house.ask("SELECT carer, state FROM notifications ORDER BY id")


async def test_a_button_that_is_sent_again_changes_nothing_until_something_else_has_happened(house: House) -> None:
    number = await house.raise_alert()
    link = path_of(house, number, "nora")
    async with house.client() as nora:
        first = await nora.post(link, data={"answer": "going:10"})
        assert (first.status_code, first.headers["location"]) == (303, link)
        eta = house.ask("SELECT eta_at FROM alerts")
        house.clock.move(300)
        again = await nora.post(link, data={"answer": "going:10"}, follow_redirects=True)
        assert again.status_code == 200
        assert house.ask("SELECT eta_at FROM alerts") == eta, "the same words promise nothing new"
        await nora.post(link, data={"answer": "decline"})
        assert (await nora.post(link, data={"answer": "going:10"})).status_code == 303
    events = house.ask("SELECT event FROM alert_events WHERE who = 'nora' ORDER BY seq")
    assert events == [("acknowledge",), ("decline",), ("acknowledge",)]
    assert house.ask("SELECT state, taken_by FROM alerts") == [("acknowledged", "nora")]


async def test_only_a_person_who_looks_makes_a_message_read(house: House) -> None:
    number = await house.raise_alert()
    link = path_of(house, number, "nora")
    await sent(house)
    async with house.client() as somebody:
        page = await somebody.get(link)
        await somebody.head(link)
        assert 'seen.js"' in page.text
        assert states(house) == [("nora", "sent")]
        assert (await somebody.post(link, data={"answer": "seen"})).status_code == 204
        assert states(house) == [("nora", "read")]
        assert house.ask("SELECT state, taken_by FROM alerts") == [("open", None)]
        assert house.ask("SELECT read_at, delivered_at FROM notifications") == [(_ms(house), _ms(house))]


def _ms(house: House) -> int:
    return round(house.clock.now().timestamp() * 1000)


async def test_an_answer_makes_it_read_also_when_the_provider_never_said_so(house: House) -> None:
    number = await house.raise_alert()
    await house.writer.write(
        lambda tx: tx.db.execute("UPDATE notifications SET state = 'failed_for_now', attempts = 1")
    )
    async with house.client() as nora:
        await nora.post(path_of(house, number, "nora"), data={"answer": "going:10"})
    assert states(house)[0] == ("nora", "read")


async def test_somebody_elses_messages_stay_unread(house: House) -> None:
    number = await house.raise_alert("r02")
    await sent(house)
    async with house.signed_in("nora") as nora:
        await nora.get(f"/alerts/{number}")
    assert states(house) == [("rita", "sent"), ("nora", "read")]


async def test_a_test_is_confirmed_once_by_its_own_carer(house: House) -> None:
    number = await house.writer.write(
        lambda tx: contact_tests.begin(tx, carer="nora", contact=0, channel="log", address="", by="sam")
    )
    async with house.client() as nora:
        other = await nora.get(path_of(house, 0, "sam", f"test:{number}"))
        assert other.status_code == 410
        link = path_of(house, 0, "nora", f"test:{number}")
        page = await nora.get(link)
        assert "This is a test" in page.text
        assert house.ask("SELECT ok, confirmed_at FROM contact_tests") == [(0, None)]
        done = await nora.post(link, data={"answer": "confirm"}, follow_redirects=True)
        assert "the test came" in done.text
        assert house.ask("SELECT ok, confirmed_at FROM contact_tests") == [(1, _ms(house))]
        house.clock.move(60)
        await nora.post(link, data={"answer": "confirm"})
        assert house.ask("SELECT confirmed_at FROM contact_tests") == [(_ms(house) - 60_000,)]
        assert len(house.ask("SELECT 1 FROM audit WHERE action = 'contact.confirmed'")) == 1


@pytest.mark.parametrize("purpose", ["test:", "test:x", "test:99"])
async def test_links_about_tests_that_are_none(house: House, purpose: str) -> None:
    async with house.client() as nora:
        assert (await nora.get(path_of(house, 0, "nora", purpose))).status_code == 410
