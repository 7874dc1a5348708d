"""``python -m bench.profiles``: what it costs to decode a LoRaWAN uplink with a profile, in microseconds."""

import json
import timeit
from datetime import UTC, datetime
from typing import Any

from devices.model import Frame
from devices.registry import decode

AT = "2026-03-01T08:00:01.123456789Z"


def tts(brand: str, model: str, decoded: dict[str, Any]) -> dict[str, Any]:
    """An uplink as The Things Stack tells of it, heard by two gateways."""
    heard = [{"gateway_ids": {"gateway_id": f"gw-{n}"}, "rssi": -90 - n, "snr": 7.5, "received_at": AT} for n in (1, 2)]
    return {
        "end_device_ids": {"device_id": "d-1", "application_ids": {"application_id": "care"}},
        "correlation_ids": ["as:up:01HZ", "gs:uplink:01HZ", "ns:uplink:01HZ"],
        "received_at": AT,
        "uplink_message": {
            "session_key_id": "AYfg", "f_port": 85, "f_cnt": 17, "frm_payload": "AQ==", "decoded_payload": decoded,
            "rx_metadata": heard, "received_at": AT, "version_ids": {"brand_id": brand, "model_id": model},
        },
    }  # fmt: skip


FALL = {"events": [{"alarm_id": 12, "alarm_type": "fall", "alarm_status": "alarm_triggered"}]}
ROOM = {
    "detection_status": "in_bed",
    "target_status": "normal",
    "respiratory_status": "normal",
    "respiratory_rate": 14.5,
}
PLACE = {"battery": 92, "latitude": 35.9, "longitude": 14.48, "motion_status": "moving"}
MESSAGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "The Things Stack, fall": ("tts", "v3/a/devices/d-1/up", tts("milesight-iot", "vs373", FALL)),
    "The Things Stack, bed": ("tts", "v3/a/devices/d-1/up", tts("milesight-iot", "vs373", ROOM)),
    "The Things Stack, place": ("tts", "v3/a/devices/d-1/up", tts("milesight-iot", "at101", PLACE)),
    "ChirpStack, place": (
        "chirpstack",
        "application/a/device/24e1/event/up",
        {
            "deduplicationId": "57433366-50a6-4dc2-8145-2df1bbc70d9e",
            "time": "2026-03-01T08:00:01.404859+00:00",
            "deviceInfo": {"devEui": "24e1", "deviceProfileName": "Milesight AT101"},
            "fPort": 85,
            "data": "AQ==",
            "object": PLACE,
            "rxInfo": [{"rssi": -57, "location": {}}],
        },
    ),
    "generic JSON, continence": (
        "profile",
        "profile/telecare/continence/pad-1",
        {"state": "change due", "saturation": 82, "zones": [90, 85.5, 40, 0], "battery": 61},
    ),
}


def main(repeat: int = 20, number: int = 1000) -> None:
    """Print a table: the best and the median of ``repeat`` runs of ``number`` messages."""
    print("| message | bytes | best, µs | median, µs |\n|---|---|---|---|")
    for name, (form, topic, payload) in MESSAGES.items():
        data = json.dumps(payload).encode()
        frame = Frame(topic=topic, payload=data, received_at=datetime(2026, 3, 1, tzinfo=UTC))
        runs = sorted(timeit.repeat(lambda f=frame, n=form: decode(n, f), number=number, repeat=repeat))
        best, median = (run / number * 1e6 for run in (runs[0], runs[len(runs) // 2]))
        print(f"| {name} | {len(data)} | {best:.1f} | {median:.1f} |")


if __name__ == "__main__":
    main()
