"""What stands on a lock screen: no name, no position, no health; in the carer's language."""

import sqlite3

import msgspec
import pytest

from gateway.alerts.model import Incident, Purpose
from gateway.notify import message, outbox
from gateway.notify.channel import Outgoing
from gateway.store.writer import write_now
from rules.model import Evidence, Priority, Reason
from tests.gateway.notify.conftest import START, House


def made(house: House, *, rule: str = "fall", resident: str | None = "r01", device: str | None = "gps-r01") -> int:
    from gateway.alerts.desk import raise_incident

    incident = Incident(
        rule=rule,
        rule_key=rule,
        priority=Priority.MEDIUM,
        reason=Reason("Carmen Vella is wet, 350 m from home."),
        happened_at=START,
        resident=resident,
        device=device,
        evidence=(Evidence(1, "fall", "gps-r01", START),),
    )
    return write_now(house.path, lambda tx: raise_incident(tx, house.index, incident), clock=house.clock).alert


def composed(house: House, alert: int, purpose: Purpose = Purpose.ALERT, carer: str = "nora") -> Outgoing:
    house.db.row_factory = sqlite3.Row
    [row] = outbox.rows(house.db, [house.rows(f"alert = {alert}")[0]["id"]])
    row = msgspec.structs.replace(row, purpose=purpose, carer=carer)
    found = message.read_alert(house.db, alert)
    assert found is not None
    return message.compose(row, found, index=house.index, links=house.links, clock=house.clock)


@pytest.mark.parametrize("rule", ["help", "fall", "zone_exit", "bed_exit", "continence", "silent", "low_battery"])
@pytest.mark.parametrize("purpose", list(Purpose))
def test_no_name_no_reason_and_no_health_for_any_rule_and_purpose(house: House, rule: str, purpose: Purpose) -> None:
    text = composed(house, made(house, rule=rule), purpose)
    seen = f"{text.title} {text.body} {text.link_words}"
    assert "101" in text.title
    for secret in ("Carmen", "Vella", "350", "wet", "Change due", "Nora", "r01"):
        assert secret not in seen
    assert "{" not in seen


def test_the_title_has_marks_room_and_kind_and_the_link_is_for_this_carer(house: House) -> None:
    text = composed(house, made(house))
    assert text.title == "!! Room 101: Fall"
    assert text.body == "Act soon. Since 10:30."
    claim = house.links.read(text.link.rpartition("/")[2])
    assert (getattr(claim, "carer", None), getattr(claim, "alert", None)) == ("nora", text.alert)
    assert (text.observed_at, text.raised_at) == (START, START)


def test_a_technical_matter_names_the_device_or_the_gateway(house: House) -> None:
    assert composed(house, made(house, rule="silent", resident=None)).title == "!! gps-r01: Silent device"
    assert composed(house, made(house, rule="help", resident=None, device=None)).title == "!! Gateway: Help pressed"


def test_the_text_is_in_the_carers_language(house: House) -> None:
    text = composed(house, made(house), carer="sam")
    assert text.language == "de"
    assert text.title == "!! Zimmer 101: Sturz"
    assert text.body.endswith("Seit 10:30.")


def test_the_key_is_of_this_notification_in_this_database_alone(house: House) -> None:
    [row] = outbox.rows(house.db, [house.rows(f"alert = {made(house)}")[0]["id"]])
    same = message.idempotency(row)
    assert message.idempotency(msgspec.structs.replace(row, attempts=9, address="other")) == same
    assert message.idempotency(msgspec.structs.replace(row, created_at=row.created_at + 1)) != same
    assert message.idempotency(msgspec.structs.replace(row, key=row.key + "/1")) != same
