"""What stands on a lock screen: no name, no position, no health; in the carer's language."""

import sqlite3
from datetime import timedelta
from typing import get_args

import msgspec
import pytest
from pydantic import ValidationError

from devices.model import Position
from gateway.alerts.model import Incident, Purpose
from gateway.centre.index import CentreIndex
from gateway.centre.model import LOCK_SCREEN_ONLY, CarePlan, Carer, Channel, Contact, Zone
from gateway.clock import to_ms
from gateway.links import Links
from gateway.notify import message, outbox
from gateway.notify.channel import Outgoing
from gateway.notify.channels import sms, smtp
from gateway.store.writer import Tx, write_now
from gateway.words import STAFF_NOTE
from rules.model import Evidence, Priority, Reason
from tests.gateway.notify.conftest import START, House


def made(
    house: House,
    *,
    rule: str = "fall",
    resident: str | None = "r01",
    device: str | None = "gps-r01",
    note: str = "",
) -> int:
    from gateway.alerts.desk import raise_incident

    incident = Incident(
        rule=rule,
        rule_key=rule,
        priority=Priority.MEDIUM,
        reason=Reason("Carmen Vella is wet, 350 m from home.", {STAFF_NOTE: note} if note else {}),
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
    # whoever has none has that of the house
    centre = house.index.centre
    carers = tuple(one.model_copy(update={"language": None}) for one in centre.carers)
    danish = {"centre": centre.centre.model_copy(update={"language": "da"}), "carers": carers}
    house.index = CentreIndex(centre.model_copy(update=danish))
    assert (composed(house, made(house)).language, composed(house, made(house)).title) == ("da", "!! Stue 101: Fald")


def test_the_key_is_of_this_notification_in_this_database_alone(house: House) -> None:
    [row] = outbox.rows(house.db, [house.rows(f"alert = {made(house)}")[0]["id"]])
    same = message.idempotency(row)
    assert message.idempotency(msgspec.structs.replace(row, attempts=9, address="other")) == same
    assert message.idempotency(msgspec.structs.replace(row, created_at=row.created_at + 1)) != same
    assert message.idempotency(msgspec.structs.replace(row, key=row.key + "/1")) != same


VISIT = "https://visit.example.org/r01"
EVERY_CHANNEL = [
    channel for channel in get_args(Channel) if channel not in LOCK_SCREEN_ONLY
]  # fmt: skip


def detailed(
    house: House,
    *,
    role: str = "carer",
    channel: str = "smtp",
    family: tuple[str, ...] = ("nora",),
    **consents: object,
) -> None:
    """The house with a contact of nora's that shows details, a zone, a note, a virtual visit and relatives."""
    addresses = {"telegram": "7", "sms": "+35621000000", "voice": "+35621000000", "ntfy": "nora", "mqtt": "", "log": ""}
    address = addresses.get(channel, f"{channel}://nora@example.org" if channel != "smtp" else "nora@example.org")
    shows = {} if channel in LOCK_SCREEN_ONLY else {"shows": "details"}
    nora = Carer(id="nora", name="Nora", role=role, contacts=(Contact(channel=channel, address=address, **shows),))
    centre = house.index.centre
    plan = CarePlan.model_validate(
        {
            "resident": "r01",
            "policy": "standard",
            "consents": consents,
            "rules": [{"rule": "zone_exit", "zone": "garden"}] if consents.get("location", "never") != "never" else [],
        }
    )
    garden = Zone(id="garden", name="Garden", geometry={"type": "Point", "coordinates": [14.4, 35.89]}, radius_m=50)
    house.index = CentreIndex(
        centre.model_copy(
            update={
                "carers": (nora, *(carer for carer in centre.carers if carer.id != "nora")),
                "residents": (centre.residents[0].model_copy(update={"visit": VISIT, "relatives": family}),),
                "care_plans": (plan,),
                "zones": (garden,),
            }
        )
    )


def seen_at(house: House, lon: float, lat: float) -> None:
    """A fix of the resident's tracker, as the pipeline stores it."""
    fields = msgspec.json.encode(Position(device="gps-r01", lon=lon, lat=lat, accuracy_m=20)).decode()

    def work(tx: Tx) -> None:
        tx.db.execute(
            "INSERT INTO readings (seq, frame, device, resident, kind, observed_at, received_at, fields)"
            " VALUES (4096, 1, 'gps-r01', 'r01', 'position', ?, ?, ?)",
            (to_ms(START - timedelta(minutes=2)), to_ms(START), fields),
        )

    write_now(house.path, work, clock=house.clock)


def body(house: House, purpose: Purpose = Purpose.ALERT, rule: str = "fall", note: str = "") -> list[str]:
    number = made(house, rule=rule, note=note)
    house.db.row_factory = sqlite3.Row
    [row] = outbox.rows(house.db, [house.rows(f"alert = {number} AND carer = 'nora'")[0]["id"]])
    found = message.read_alert(house.db, number)
    assert found is not None
    told = message.compose(
        msgspec.structs.replace(row, purpose=purpose),
        found,
        index=house.index,
        links=house.links,
        clock=house.clock,
        db=house.db,
    )
    assert "Carmen" not in told.title
    assert "350" not in told.title
    return told.body.replace("\xa0", " ").replace("\u202f", " ").split("\n")


@pytest.mark.parametrize("channel", EVERY_CHANNEL)
def test_staff_read_who_why_the_note_the_next_step_and_the_visit_on_every_channel(house: House, channel: str) -> None:
    detailed(house, channel=channel)
    seen_at(house, 14.404, 35.89)
    house.clock.move(120)
    assert body(house) == [
        "Act soon. Since 10:32.",
        "Carmen Vella, just now",
        "Carmen Vella is wet, 350 m from home.",
        "Good to know: Has a walker.",
        "Next: Go at once. Ask about pain before anybody is lifted.",
        f"Virtual visit: {VISIT}",
    ]


@pytest.mark.parametrize("channel", sorted(LOCK_SCREEN_ONLY))
def test_some_channels_never_tell_more_than_a_lock_screen(house: House, channel: str) -> None:
    with pytest.raises(ValidationError, match="lock_screen"):
        Contact.model_validate({"channel": channel, "address": "x", "shows": "details"})
    detailed(house, channel=channel, location="always")
    seen_at(house, 14.404, 35.89)
    assert body(house) == ["Act soon. Since 10:30."]


def test_a_contact_says_no_more_than_a_lock_screen_unless_the_centre_file_does(house: House) -> None:
    detailed(house, location="always")
    nora = house.index.carers["nora"]
    plain = nora.model_copy(update={"contacts": (nora.contacts[0].model_copy(update={"shows": "lock_screen"}),)})
    others = tuple(carer for carer in house.index.centre.carers if carer.id != "nora")
    house.index = CentreIndex(house.index.centre.model_copy(update={"carers": (plain, *others)}))
    assert body(house) == ["Act soon. Since 10:30."]


@pytest.mark.parametrize("location", ["alarm", "always"])
def test_where_the_person_is_as_they_agreed(house: House, location: str) -> None:
    detailed(house, location=location)
    seen_at(house, 14.404, 35.89)
    assert body(house)[-3:] == [
        "Last seen 2 minutes ago, 310 m from Garden (good to 20 m)",
        "Map: geo:35.89000,14.40400",
        f"Virtual visit: {VISIT}",
    ]


@pytest.mark.parametrize(("location", "told"), [("alarm", False), ("always", True)])
def test_a_battery_is_no_alarm_in_which_somebody_is_looked_for(house: House, location: str, told: bool) -> None:
    detailed(house, location=location)
    seen_at(house, 14.404, 35.89)
    assert any("Last seen" in line for line in body(house, rule="low_battery")) is told


def test_a_position_inside_and_the_maps_address_of_the_settings(house: House) -> None:
    detailed(house, location="always")
    seen_at(house, 14.4, 35.89)
    house.links = Links(
        "https://care.example.org", "s", house.clock, map_link="https://map.example.org/?at={lat},{lon}"
    )
    assert body(house)[-3:-1] == [
        "Last seen 2 minutes ago, in Garden (good to 20 m)",
        "Map: https://map.example.org/?at=35.89000,14.40000",
    ]


def test_relatives_read_who_and_where_only_if_that_was_agreed_and_never_why(house: House) -> None:
    detailed(house, role="relative", location="alarm")
    seen_at(house, 14.404, 35.89)
    family = "Next: Say by the link whether you can go. If you can’t, the next people are told at once."
    assert body(house) == ["Act soon. Since 10:30.", "Carmen Vella, just now", family]
    detailed(house, role="relative", location="alarm", relatives=["location"])
    house.clock.move(60)
    assert body(house, rule="help") == [
        "Act soon. Since 10:31.",
        "Carmen Vella, just now",
        family,
        "Last seen 3 minutes ago, 310 m from home (good to 20 m)",
        "Map: geo:35.89000,14.40400",
    ]


def test_what_staff_wrote_for_each_other_is_for_staff(house: House) -> None:
    detailed(house)
    assert "In their words: Her son is with her." in body(house, note="Her son is with her.")
    detailed(house, role="relative")
    assert "son" not in " ".join(body(house, rule="help", note="Her son is with her."))


def test_the_relative_of_somebody_else_reads_no_name(house: House) -> None:
    detailed(house, role="relative", family=(), location="always", relatives=["location"])
    seen_at(house, 14.404, 35.89)
    assert body(house) == ["Act soon. Since 10:30."]


def test_what_only_informs_has_no_next_step_and_a_long_note_is_cut(house: House) -> None:
    detailed(house)
    long = house.index.centre.residents[0].model_copy(update={"note": "word " * 300})
    house.index = CentreIndex(house.index.centre.model_copy(update={"residents": (long,)}))
    said = body(house, purpose=Purpose.TAKEN)
    assert not any(line.startswith("Next:") for line in said)
    [note] = [line for line in said if line.startswith("Good to know:")]
    assert len(note) <= 320
    assert note.endswith(" …")


def test_a_bundle_is_told_in_the_first_line(house: House) -> None:
    told = msgspec.structs.replace(composed(house, made(house)), body="Act soon.\nCarmen")
    assert message.bundled(told, 2).body == "Act soon. And 2 more notices.\nCarmen"


def test_an_sms_is_cut_before_how_to_answer(house: House) -> None:
    told = msgspec.structs.replace(composed(house, made(house)), body="word " * 300)
    said = sms.text_of(told, link=True)
    assert len(said) <= sms.LONGEST
    assert said.endswith(told.link)
    assert "Answer 1" in said
    assert " …\n" in said


def test_a_mail_has_lines_and_links(house: House) -> None:
    told = msgspec.structs.replace(
        composed(house, made(house)), body=f"A & B\nVirtual visit: {VISIT}", address="nora@example.org"
    )
    html = smtp.compose(told, "telecare@example.org").get_payload()[1].get_content()  # type: ignore[union-attr, index]
    assert f'A &amp; B<br>Virtual visit: <a href="{VISIT}">{VISIT}</a>' in html
