"""Every message ends in the journal: as readings, or in quarantine with a named reason; nothing stops the others."""

import json
import sys

import pytest

from devices.errors import Why
from devices.model import Frame
from gateway.clock import to_ms
from gateway.ingest.source import Receipt
from gateway.pipeline.pipeline import Pipeline
from gateway.store.migrations import READINGS_PER_FRAME
from tests.gateway.pipeline.chain import Chain, foreign, frame

DEEP = b'{"v":1,"id":"x","a":' + b"[" * 40 + b"]" * 40 + b"}"
BAD = {
    Why.TOO_LARGE: b'{"v":1,"id":"x","pad":"' + b"x" * 70_000 + b'"}',
    Why.NOT_UTF8: b"\xff\xfe",
    Why.NOT_JSON: b"{not json",
    Why.TOO_DEEP: DEEP,
    Why.NOT_AN_OBJECT: b"[1, 2]",
    Why.MISSING_FIELD: b'{"v":1,"id":"x","lon":14.4}',
    Why.WRONG_TYPE: b'{"v":1,"id":"x","lon":true,"lat":35.9}',
    Why.NOT_FINITE: b'{"v":1,"id":"x","lon":1e400,"lat":35.9}',
    Why.OUT_OF_RANGE: b'{"v":1,"id":"x","lon":14.4,"lat":35.9,"speed_mps":-1}',
    Why.BIG_INTEGER: b'{"v":1,"id":"x","t":9223372036854775808123,"lon":14.4,"lat":35.9}',
    Why.LONE_SURROGATE: b'{"v":1,"id":"\\ud800","lon":14.4,"lat":35.9}',
    Why.BAD_POSITION: b'{"v":1,"id":"x","lon":0,"lat":0}',
    Why.BAD_TIME: b'{"v":1,"id":"x","t":"yesterday","lon":14.4,"lat":35.9}',
    Why.UNSUPPORTED_VERSION: b'{"v":2,"id":"x"}',
}
"""Payloads of a native position, by the reason for which each is refused."""


def refused(chain: Chain, why: Why) -> Receipt:
    """A message that is refused for that reason."""
    topic = "telecare/haven/gps-r01/position"
    match why:
        case Why.WRONG_TOPIC:
            return foreign("native", "telecare/gps-r01/position", {"v": 1, "id": "x"}, chain.now)
        case Why.UNKNOWN_KIND:
            return foreign("native", "telecare/haven/gps-r01/altitude", {"v": 1, "id": "x"}, chain.now)
        case Why.ENCRYPTED:
            return foreign("owntracks", "owntracks/rita/pixel", {"_type": "encrypted", "data": "c2VjcmV0"}, chain.now)
        case Why.UNKNOWN_MODEL | Why.MISSING_DECODER:
            # LoRaWAN: decoded by the network but of no known model, or of a known one and not decoded
            told = {"decoded_payload": {"fall": True}} if why is Why.UNKNOWN_MODEL else {"frm_payload": "AQ=="}
            model = {"brand_id": "milesight-iot", "model_id": "vs373" if why is Why.MISSING_DECODER else "unheard-of"}
            uplink = {"f_port": 85, "f_cnt": 1, "version_ids": model, **told}
            ids = {"device_id": "radar", "application_ids": {"application_id": "care"}, "dev_eui": "24E124FFFE000001"}
            return foreign(
                "tts", "v3/care@haven/devices/radar/up", {"end_device_ids": ids, "uplink_message": uplink}, chain.now
            )
        case Why.UNKNOWN_FORMAT:
            return foreign("morse", "morse/1", {"v": 1}, chain.now)
        case _:
            return foreign("native", topic, BAD[why], chain.now)


def test_a_frame_becomes_a_journal_row_and_its_readings(chain: Chain) -> None:
    receipt = frame(
        "gps-r01", "help", chain.now, id="h-1", phase="pressed", lon=14.4, lat=35.89, t="2026-03-01T20:59:58Z"
    )
    taken = chain.take(receipt)
    assert (taken.frames, taken.readings, taken.quarantined, taken.redelivered) == (1, 2, 0, 0)
    at = to_ms(chain.now)
    assert chain.rows("SELECT * FROM journal") == [
        (1, "native", "telecare/haven/gps-r01/help", receipt.frame.payload, at, 0, 0, None)
    ]
    rows = chain.rows("SELECT seq, frame, device, resident, kind, observed_at, received_at FROM readings ORDER BY seq")
    assert rows == [
        (READINGS_PER_FRAME, 1, "gps-r01", "r01", "help", at - 2000, at),
        (READINGS_PER_FRAME + 1, 1, "gps-r01", "r01", "position", at - 2000, at),
    ]
    fields = json.loads(chain.rows("SELECT fields FROM readings WHERE kind = 'position'")[0][0])
    assert (fields["lon"], fields["lat"], fields["accuracy_m"]) == (14.4, 35.89, None)  # not said is null, never 0


def test_numbers_go_on_over_batches(chain: Chain) -> None:
    for _ in range(2):
        chain.take(*(frame("gps-r01", "status", chain.now, battery_percent=80) for _ in range(3)))
    assert [row[0] for row in chain.rows("SELECT seq FROM journal ORDER BY seq")] == [1, 2, 3, 4, 5, 6]
    assert [row[0] for row in chain.rows("SELECT frame FROM readings ORDER BY seq")] == [1, 2, 3, 4, 5, 6]


def test_an_unknown_device_is_stored_under_its_own_name_for_nobody(chain: Chain) -> None:
    chain.take(frame("gps-new", "position", chain.now, lon=14.4, lat=35.89))
    assert chain.rows("SELECT device, resident FROM readings") == [("native:gps-new", None)]
    assert chain.alerts() == []


def test_a_device_in_the_drawer_is_stored_for_nobody(chain: Chain) -> None:
    chain.take(frame("gps-spare", "position", chain.now, lon=14.4, lat=35.89))
    assert chain.rows("SELECT device, resident FROM readings") == [("gps-spare", None)]


def test_a_frame_that_says_nothing_is_journaled_all_the_same(chain: Chain) -> None:
    taken = chain.take(foreign("owntracks", "owntracks/rita/pixel/info", {"_type": "card"}, chain.now))
    assert (taken.readings, taken.quarantined) == (0, 0)
    assert chain.count("journal") == 1


ELSEWHERE = {Why.DECODER_FAILED, Why.UNKNOWN_FORMAT, Why.CODEC_FAILED, Why.CODEC_TIMEOUT, Why.CODEC_SUSPENDED}
"""Tested below, and with real codecs in tests/gateway/codecs."""


def test_a_stranger_of_an_unknown_model_is_no_alarm_and_a_known_device_is(chain: Chain) -> None:
    """Somebody's thermometer in the same LoRaWAN application must not wake anybody; a registered device may call."""
    chain.take(refused(chain, Why.UNKNOWN_MODEL))
    assert (chain.count("quarantine"), chain.alerts()) == (1, [])
    chain.take(refused(chain, Why.MISSING_DECODER))
    assert [alert.rule for alert in chain.alerts()] == ["unreadable_alarm"]


@pytest.mark.parametrize("why", [why for why in Why if why not in ELSEWHERE])
def test_every_kind_of_bad_input_goes_to_quarantine_and_good_ones_flow(chain: Chain, why: Why) -> None:
    good = [frame(f"gps-r0{n}", "status", chain.now, battery_percent=80) for n in (1, 2)]
    bad = refused(chain, why)
    taken = chain.take(good[0], bad, good[1])
    assert (taken.frames, taken.readings, taken.quarantined) == (3, 2, 1)
    assert chain.rows("SELECT frame, why FROM quarantine") == [(2, why.value)]
    assert chain.rows("SELECT payload FROM journal WHERE seq = 2") == [(bad.frame.payload,)]  # whole
    assert chain.rows("SELECT frame, resident FROM readings ORDER BY seq") == [(1, "r01"), (3, "r02")]
    detail = chain.rows("SELECT detail FROM quarantine")[0][0]
    assert len(detail) > 10
    assert len(taken.acks) == 2


def test_a_decoder_that_breaks_costs_only_its_own_message(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    from devices import native

    def explode(device: str, payload: bytes) -> tuple[()]:
        raise ZeroDivisionError

    monkeypatch.setitem(native._BUILDERS, "motion", explode)
    taken = chain.take(
        frame("gps-r01", "motion", chain.now, moving=True), frame("gps-r01", "status", chain.now, battery_percent=50)
    )
    assert (taken.readings, taken.quarantined) == (1, 1)
    assert chain.rows("SELECT why FROM quarantine") == [("decoder_failed",)]


def test_strange_topics_and_bytes_are_kept_as_they_are(chain: Chain) -> None:
    frames = [
        foreign("native", topic, payload, chain.now)
        for topic in ("telecare/haven/%00/position", "telecare/haven/" + "ħ" * 300 + "/help", "", "/")
        for payload in (b"", b"\x00", bytes(range(256)), b"null")
    ]
    taken = chain.take(*frames)
    assert taken.quarantined == len(frames)
    assert [row[0] for row in chain.rows("SELECT payload FROM journal ORDER BY seq")] == [
        f.frame.payload for f in frames
    ]


def test_a_message_with_very_many_readings_does_not_run_into_the_next(chain: Chain) -> None:
    """Numbers of readings are set aside for each frame; what is over must not take another frame's."""
    event = {"_type": "transition", "event": "leave", "desc": "H", "tst": 1772352000}
    payload = json.dumps([event] * 5000, separators=(",", ":")).encode()
    taken = chain.take(
        foreign("owntracks", "owntracks/rita/pixel/event", payload, chain.now),
        frame("gps-r01", "status", chain.now, battery_percent=50),
    )
    assert taken.quarantined == 1  # larger than a message may be
    assert chain.rows("SELECT frame FROM readings") == [(2,)]


def test_time_beyond_what_can_be_stored_is_no_trouble(chain: Chain) -> None:
    for number, t in enumerate((0, 4_102_444_800_000, -1, sys.maxsize, "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z")):
        chain.take(frame("gps-r01", "status", chain.now, id=f"t-{number}", t=t, battery_percent=50))
        chain.take(frame("sos-r01", "help", chain.now, id=f"t-{number}", t=t, phase="pressed"))
    assert chain.count("journal") == 12
    (alert,) = chain.alerts("help")
    assert alert.repeats == 5  # every press was heard, also the one of a clock that begins in 1970


def test_an_empty_batch_of_cases_writes_no_states(chain: Chain) -> None:
    before = chain.rows("SELECT * FROM rule_states ORDER BY resident")
    chain.take(foreign("native", "telecare/haven/gps-r01/position", b"{", chain.now))
    assert chain.rows("SELECT * FROM rule_states ORDER BY resident") == before


def test_a_batch_that_fails_leaves_the_pipeline_as_it_was(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(self: Pipeline, *args: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(Pipeline, "_raise", explode)
        with pytest.raises(ZeroDivisionError):
            chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    assert chain.count("journal") == 0
    taken = chain.take(frame("sos-r01", "help", chain.now, id="h-1", phase="pressed"))
    assert taken.readings == 1
    assert len(chain.alerts("help")) == 1
    assert chain.rows("SELECT seq FROM journal") == [(1,)]


def test_payload_is_never_changed(chain: Chain) -> None:
    raw = b' {"v": 1,\t"id":"a","battery_percent":5e1, "battery_percent": 51 } '
    made = Frame(topic="telecare/haven/gps-r01/status", payload=raw, received_at=chain.now)
    chain.take(Receipt(frame=made, format="native", packet_id=1, session=1))
    assert chain.rows("SELECT payload FROM journal") == [(raw,)]
