"""What The Things Stack and ChirpStack share: decoders of raw payloads, the recorded uplinks, the time it takes."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from devices.errors import UnreadableError, Why
from devices.model import Fall, Help, Position, Status
from devices.profiles import library
from devices.registry import decode
from tests.devices.cases import RECEIVED_AT, VECTORS, frame, frame_of, load, plain, shared

TTS = "v3/care@haven/devices/pendant-r01/up"


@pytest.fixture
def codecs() -> Iterator[list[tuple[bytes, int, datetime]]]:
    """A library whose VS373 and unknown model have decoders; the calls are kept."""
    calls: list[tuple[bytes, int, datetime]] = []

    def codec(payload: bytes, port: int, received_at: datetime) -> dict[str, Any]:
        calls.append((payload, port, received_at))
        return {"events": [{"alarm_type": "fall", "alarm_status": "alarm_triggered"}]}

    before = library.installed()
    library.install(library.build(before.profiles, {"milesight/vs373": codec, "acme/thing": codec}))
    yield calls
    library.install(before)


def uplink(**fields: Any) -> dict[str, Any]:
    return {"end_device_ids": {"device_id": "d"}, "uplink_message": {"f_port": 85, "frm_payload": "BvsMAAAB", **fields}}


def test_a_raw_payload_goes_through_its_decoder_and_its_profile(codecs: list[tuple[bytes, int, datetime]]) -> None:
    found = decode("tts", frame(TTS, uplink()), "milesight/vs373")
    assert [type(reading) for reading in found] == [Fall]
    event = {"deviceInfo": {"devEui": "AB", "deviceProfileName": "VS373"}, "fPort": 7, "data": "BvsMAAAB", "rxInfo": []}
    assert [type(reading) for reading in decode("chirpstack", frame("x", event))] == [Fall]
    data = base64.b64decode("BvsMAAAB")
    assert codecs == [(data, 85, RECEIVED_AT), (data, 7, RECEIVED_AT)]


def test_a_decoder_is_told_when_the_network_server_had_the_message(codecs: list[tuple[bytes, int, datetime]]) -> None:
    at = "2026-03-01T08:00:01Z"
    decode("tts", frame(TTS, uplink(received_at=at)), "milesight/vs373")
    event = {"deviceInfo": {"devEui": "AB", "deviceProfileName": "VS373"}, "fPort": 7, "data": "BvsMAAAB", "time": at}
    decode("chirpstack", frame("application/1/device/ab/event/up", event))
    assert [received_at for _, _, received_at in codecs] == [datetime(2026, 3, 1, 8, 0, 1, tzinfo=UTC)] * 2


def test_a_decoded_object_needs_no_decoder(codecs: list[tuple[bytes, int, datetime]]) -> None:
    decode("tts", frame(TTS, uplink(decoded_payload={"detection_status": "vacant"})), "milesight/vs373")
    assert codecs == []


@pytest.mark.parametrize(
    ("fields", "model", "why"),
    [
        ({"frm_payload": "no base64!"}, "milesight/vs373", Why.WRONG_TYPE),
        ({}, "acme/thing", Why.UNKNOWN_MODEL),
        ({}, "milesight/ws101", Why.MISSING_DECODER),
    ],
)
def test_a_raw_payload_that_can_not_be_read(
    codecs: list[tuple[bytes, int, datetime]], fields: dict[str, Any], model: str, why: Why
) -> None:
    with pytest.raises(UnreadableError) as caught:
        decode("tts", frame(TTS, uplink(**fields)), model)
    assert caught.value.why is why


@pytest.mark.parametrize("name", ["thingsstackcommunity", "thingsstackindustries", "chirpstack"])
def test_recorded_uplinks_are_raw_and_say_so(name: str) -> None:
    form = "chirpstack" if name == "chirpstack" else "tts"
    rows = shared(name)
    assert rows
    for row in rows:
        payload = row["payload"]
        if "uplink_message" in payload and "decoded_payload" in payload["uplink_message"]:
            continue
        with pytest.raises(UnreadableError) as caught:
            decode(form, frame("x", payload), row["model"])
        assert caught.value.why in (Why.MISSING_DECODER, Why.UNKNOWN_KIND), row["source"]


@pytest.mark.parametrize("name", ["thingsstackcommunity", "thingsstackindustries", "chirpstack", "loriot"])
def test_recorded_fields_go_through_their_profiles(name: str) -> None:
    """The recordings hold what a converter made of each payload: it is put into the envelope as the decoded object."""
    tried = 0
    for row in shared(name):
        decoded = row["vendor_decoded"][0] if isinstance(row["vendor_decoded"], list) else row["vendor_decoded"]
        telemetry = decoded.get("telemetry") or [{}]
        fields = (telemetry[0] if isinstance(telemetry, list) else telemetry).get("values")
        if library.installed().find((row["model"],), "tts") is None or not fields:
            continue
        tried += 1
        found = decode("tts", frame(TTS, uplink(decoded_payload=fields)), row["model"])
        kinds = {type(reading): reading for reading in found}
        if row["model"] == "milesight/ws101":
            assert Help in kinds
        if row["model"] == "milesight/at101":
            assert Position not in kinds
            assert kinds[Status].battery_percent == 100  # type: ignore[union-attr]
        if row["model"] == "netvox/r311a" and "contact_switch" in fields:
            assert [plain(reading)["kind"] for reading in found] == ["motion", "status"]
        assert all(reading.device == "d" for reading in found)
    assert tried


def test_recorded_json_of_the_radar() -> None:
    kinds = {
        "out_of_bed": ("bed", {"in_bed": False}),
        "occupied": ("room", {"present": True}),
        "vacant": ("room", {"present": False}),
        "fall": ("fall", {"phase": "cancelled"}),
        "tachypnea": None,
    }
    for row in shared("milesight"):
        found = [plain(reading) for reading in decode("profile", frame("x", row["payload"]), row["model"])]
        wanted = kinds[row["expected"]["event"]]
        device = row["payload"]["device_info"]["device_sn"]
        told = [] if wanted is None else [{"kind": wanted[0], "device": device, **wanted[1]}]
        assert found == [*told, {"kind": "status", "device": device}]


NOT_ALIKE = {
    # radar's topic names the sensor; the profile's message must
    "the address stands in for a missing serial number",
    # refused by radar; the profile can't ask what sort of value stands there, and errs towards a fall
    "a trigger that is no object",
}


def test_both_ways_to_read_a_vs373_report_agree() -> None:
    cases = [case for case in load(VECTORS / "radar.jsonl") if case.get("device") == "Milesight VS373 (plain JSON)"]
    tried = 0
    for case in cases:
        if case["name"] in NOT_ALIKE:
            continue
        tried += 1
        outcomes: list[Any] = []
        for form, model in (("radar", None), ("profile", "milesight/vs373-json")):
            try:
                found = [plain(reading) for reading in decode(form, frame_of(case), model)]
            except UnreadableError as error:
                outcomes.append(error.why.value)
            else:
                outcomes.append([{k: v for k, v in row.items() if k != "event_id"} for row in found])
        assert outcomes[0] == outcomes[1], case["name"]
    assert tried > 20


def test_a_time_of_senml_may_be_relative_to_now() -> None:
    pack = [{"n": "heart_rate", "v": 70, "t": -30}, {"n": "battery", "v": 8}]
    band, rest = decode("senml", frame("senml/telecare/senml/band-r07", pack))
    assert band.observed_at == RECEIVED_AT - timedelta(seconds=30)
    assert (band.event_id, rest.observed_at, rest.event_id) == (None, None, None)


def test_decoding_says_the_same_twice() -> None:
    for form in ("tts", "chirpstack", "profile", "senml"):
        for case in load(VECTORS / f"{form}.jsonl"):
            if "readings" in case:
                first, second = (decode(form, frame_of(case), case.get("model")) for _ in range(2))
                assert first == second


def test_the_address_of_a_message_is_that_of_its_topic() -> None:
    from devices import registry

    for form in ("tts", "chirpstack", "profile", "senml"):
        for case in load(VECTORS / f"{form}.jsonl"):
            address = registry.find(form).address_of(case["topic"])
            if address is not None:
                assert all(reading["device"] == address for reading in case.get("readings", ())), case["name"]


def test_a_broken_envelope_does_not_cost_any_alarm_that_can_be_read() -> None:
    """Every case that tells a fall or a call for help tells it too with one of its other fields broken."""
    tried = 0
    for form in ("tts", "chirpstack"):
        for case in load(VECTORS / f"{form}.jsonl"):
            alarms = [r["kind"] for r in case.get("readings", ()) if r["kind"] in ("help", "fall")]
            if not alarms or "raw" in case:
                continue
            payload = json.loads(json.dumps(case["payload"]))
            (payload["uplink_message"] if form == "tts" else payload)["f_port" if form == "tts" else "fPort"] = []
            found = decode(form, frame(case["topic"], payload), case.get("model"))
            assert [plain(r)["kind"] for r in found][: len(alarms)] == alarms, case["name"]
            tried += 1
    assert tried > 10
