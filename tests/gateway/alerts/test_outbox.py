from datetime import timedelta
from pathlib import Path

from gateway.alerts import outbox
from gateway.alerts.model import Purpose
from gateway.clock import to_ms
from tests.gateway.alerts.ward import Ward


def row_of(ward: Ward, number: int) -> dict[str, object]:
    return dict(ward.db.execute("SELECT * FROM notifications WHERE id = ?", (number,)).fetchone())


def test_a_row_goes_to_the_first_contact_and_is_leased_to_this_process(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "gateway.db", owner="boot-1")
    ward.press()
    assert ward.last is not None
    [number] = ward.last.owed
    row = row_of(ward, number)
    now = to_ms(ward.clock.now())
    assert row["key"] == "1/0.0.0/nora/alert"
    assert (row["channel"], row["address"], row["contact"]) == ("smtp", "nora@example.org", 0)
    assert (row["state"], row["due_at"], row["created_at"]) == ("pending", now, now)
    assert (row["lease_owner"], row["lease_until"]) == ("boot-1", now + 60_000)
    ward.close()


def test_a_command_line_tool_leaves_the_row_to_the_dispatcher(ward: Ward) -> None:
    ward.press()
    assert ward.last is not None
    assert ward.last.owed == []
    assert row_of(ward, 1)["lease_owner"] is None


def test_the_same_key_is_owed_once(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "gateway.db", owner="boot-1")
    ward.press()
    alert = ward.alert()

    def owe(mark: int | None = None) -> int | None:
        return ward.do(lambda tx: outbox.owe(tx, ward.index, alert, "nora", 0, Purpose.ALERT, mark=mark))

    assert owe() == 1
    assert ward.last is not None
    assert ward.last.owed == []
    second = owe(mark=7)
    assert ward.last.owed == [second]
    assert second is not None
    assert row_of(ward, second)["key"] == "1/0.0.0/nora/alert#7"
    ward.close()


def test_what_is_for_later_waits_for_the_dispatchers_own_claim(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "gateway.db", owner="boot-1")
    ward.press()
    alert, later = ward.alert(), ward.clock.now() + timedelta(minutes=5)
    number = ward.do(lambda tx: outbox.owe(tx, ward.index, alert, "ben", 1, Purpose.ALERT, due_at=later))
    assert number is not None
    row = row_of(ward, number)
    assert (row["due_at"], row["lease_owner"], row["lease_until"]) == (to_ms(later), None, None)
    assert ward.last is not None
    assert ward.last.owed == []
    ward.close()


def test_nobody_to_owe_to(ward: Ward) -> None:
    ward.press()
    alert = ward.alert()
    assert ward.do(lambda tx: outbox.owe(tx, ward.index, alert, "gone", 0, Purpose.ALERT)) is None


def test_whoever_was_only_informed_was_not_asked(ward: Ward) -> None:
    ward.press()
    alert = ward.alert()
    ward.do(lambda tx: outbox.owe(tx, ward.index, alert, "ida", 0, Purpose.TAKEN))
    ward.do(lambda tx: outbox.owe(tx, ward.index, alert, "sam", 0, Purpose.UNDELIVERABLE))
    assert outbox.told_carers(ward.db, 1) == ["nora"]
    ward.going("nora")
    assert ward.told() == ["nora alert", "ida taken", "sam undeliverable", "sam taken"]
