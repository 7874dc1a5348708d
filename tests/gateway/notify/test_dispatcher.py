"""What is owed goes out: at once, after a failure, after a crash, and past a provider that is stuck."""

from tests.gateway.notify.conftest import House


async def test_a_new_alert_is_told_at_once_without_a_claim(house: House) -> None:
    a = house.fake("a")
    async with house.running():
        await house.fall()
        await house.expect(lambda: house.states() == [("nora", 0, "alert", "sent")])
        assert house.writer.commits == 2, "one for the alert, one for the result"
    [message] = a.heard
    assert message.title == "!!! Room 101: Fall"
    [row] = house.rows()
    assert row["provider_id"] == f"provider-{row['id']}"
    assert row["attempts"] == 1
    assert row["lease_owner"] is None
