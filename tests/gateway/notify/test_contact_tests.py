"""Tests of contacts: what is sent, what is kept, and when the monthly ones come."""

from datetime import timedelta

import pytest

from gateway.alerts import contact_tests
from gateway.app.contact_tests import ContactTester, next_due
from gateway.clock import to_ms
from gateway.notify.channel import PermanentFailure
from gateway.notify.contact_test import try_contact
from gateway.settings.providers import ContactTests
from tests.gateway.notify.conftest import START, House, index_of


@pytest.fixture(autouse=True)
def small(house: House) -> None:
    """Nora has two ways, the others none."""
    house.index = index_of(nora=[("a", "nora-1"), ("b", "nora-2")], sam=[], boss=[("log", "")])


async def applied(house: House) -> None:
    await house.writer.write(
        lambda tx: tx.db.execute(
            "INSERT INTO centre_versions (version, applied_at, applied_by, digest, sheets) "
            "VALUES (1, ?, 'sam', 'x', '{}')",
            (to_ms(START),),
        )
    )


def looker(house: House, **options: int) -> ContactTester:
    return ContactTester(
        ContactTests(**options), writer=house.writer, channels=house.channels, index=lambda: house.index,
        links=house.links, clock=house.clock, path=house.path,
    )  # fmt: skip


async def test_a_test_is_a_real_message_and_its_failure_is_kept(house: House) -> None:
    good, bad = house.fake("a"), house.fake("b")

    async def refuse(_: object) -> None:
        raise PermanentFailure("status 404")

    bad.script = refuse
    async with house.running():
        nora = house.index.carers["nora"]
        results = [
            await try_contact(
                nora, contact, channels=house.channels, index=house.index, links=house.links, clock=house.clock,
                write=house.writer.write, by="cli:root",
            )
            for contact in (0, 1)
        ]  # fmt: skip
    assert [(one.ok, one.detail) for one in results] == [(True, None), (False, "status 404")]
    (message,) = good.heard
    assert message.title == "Test: Haven House"
    assert not message.asks
    claim = house.links.read(message.link.rpartition("/")[2])
    assert getattr(claim, "purpose", None) == f"test:{results[0].id}"
    latest = contact_tests.latest(house.db)
    assert latest["nora", contact_tests.address_hash("a", "nora-1")].ok
    assert latest["nora", contact_tests.address_hash("b", "nora-2")].detail == "status 404"
    assert house.db.execute("SELECT count(*) FROM audit WHERE action = 'test-contact'").fetchone()[0] == 2


async def test_every_contact_is_tested_by_day_one_at_a_time_and_again_next_month(house: House) -> None:
    first, second = house.fake("a"), house.fake("b")
    async with house.running():
        await applied(house)
        looking = looker(house)
        assert not await looking.look(house.db), "not on the first day"
        house.clock.move(86400)
        assert await looking.look(house.db)
        assert (len(first.heard), len(second.heard)) == (1, 0)
        assert await looking.look(house.db)
        assert not await looking.look(house.db)
        assert (len(first.heard), len(second.heard)) == (1, 1)
        house.clock.move(30 * 86400 - 60)
        assert not await looking.look(house.db)
        house.clock.move(12 * 3600)
        assert not await looking.look(house.db), "not at night"
        house.clock.move(12 * 3600)
        assert await looking.look(house.db)


async def test_a_failed_test_is_repeated_next_day_and_a_new_address_is_untested(house: House) -> None:
    async with house.running():
        await applied(house)
        house.clock.move(86400)
        assert await looker(house).look(house.db), "a channel that is not set up is a finding"
        assert await looker(house).look(house.db)
        assert [one.ok for one in contact_tests.newest(house.db, limit=9)] == [False, False]
        month = timedelta(days=30)
        assert next_due(house.db, house.index, house.clock.now(), month) is None
        moved = index_of(nora=[("a", "nora-9"), ("b", "nora-2")], sam=[], boss=[("log", "")])
        found = next_due(house.db, moved, house.clock.now(), month)
        assert found is not None
        assert (found[0].id, found[1]) == ("nora", 0)
        house.clock.move(86400)
        assert next_due(house.db, house.index, house.clock.now(), month) is not None
