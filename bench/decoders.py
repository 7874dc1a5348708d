"""``python -m bench.decoders``: what it costs to decode a usual message of each format, in microseconds.

LoRaWAN envelopes and profiles have a table of their own (bench.profiles), and so do JavaScript codecs (bench.codecs).
"""

import json
import timeit
from datetime import UTC, datetime
from functools import partial
from time import process_time
from typing import Any

from devices.model import Frame
from devices.registry import decode

SEEN = "2026-03-01T08:00:00.123Z"
BUDGETS = {"native": 5, "owntracks": 5}
"""Microseconds that a message may cost; 15 for any other format."""
OTHER_BUDGET = 15
BED_SETTINGS = "-90,100,90,-100,-21931,-21931,200,200,200"

MESSAGES: list[tuple[str, str, str | None, Any]] = [
    ("native", "telecare/haven/gps-r01/position", None,
     {"v": 1, "id": "9f3a-1", "t": SEEN, "lon": 14.4801, "lat": 35.9012, "accuracy_m": 6.5}),
    ("native", "telecare/haven/sos-r02/help", None, {"v": 1, "id": "9f3a-2", "phase": "pressed"}),
    ("owntracks", "owntracks/rita/pixel", None,
     {"_type": "location", "lon": 14.5, "lat": 35.9, "acc": 11, "vel": 36, "batt": 71, "tst": 1772352000, "tid": "rp"}),
    ("traccar", "traccar/positions", None,
     {"position": {"id": 0, "serverTime": SEEN, "deviceTime": SEEN, "fixTime": SEEN, "valid": True, "latitude": 35.9,
                   "longitude": 14.5, "speed": 1.5, "attributes": {"batteryLevel": 80}},
      "device": {"id": 1, "uniqueId": "864000000000001"}}),
    ("zigbee2mqtt", "zigbee2mqtt/sos-r04", "tuya/TS0215A_sos",
     {"action": "sos", "battery": 97, "last_seen": SEEN, "linkquality": 120}),
    ("zigbee2mqtt", "zigbee2mqtt/radar-bath", None,
     {"occupancy": True, "sensor_status": "activity", "fall_status": "normal", "linkquality": 90, "last_seen": SEEN}),
    ("zigbee2mqtt", "zigbee2mqtt/radar-r04", "owon/FDS315",
     {"status": "sitting", "breathing_rate": 19, "location_x": 120, "location_y": -80, "last_seen": 1772352000000,
      "fall_detection_settings": BED_SETTINGS}),
    ("zigbee2mqtt", "zigbee2mqtt/radar-hall", None,
     {"presence": True, "motion_state": "small", "heart_rate": 64, "breathing_rate": 14, "battery_state": "low",
      "tamper": False, "linkquality": 60, "last_seen": SEEN}),
    ("zigbee2mqtt", "zigbee2mqtt/door-r04", None,
     {"battery": 100, "contact": True, "device_temperature": 24, "linkquality": 102, "voltage": 3005,
      "last_seen": SEEN}),
    ("zigbee2mqtt", "zigbee2mqtt/fp1", None,
     {"presence": True, "presence_event": "approach", "action": "region_2_enter", "device_temperature": 30,
      "motion_sensitivity": "high", "update": {"installed_version": 1, "latest_version": 1, "state": "idle"}}),
    ("zigbee2mqtt", "zigbee2mqtt/bed-r04", "tuya/TS0601_bed_presence_sensor",
     {"presence_delay": 30, "presence_time": 2, "occupancy": True, "work_state": "idle", "battery": 90}),
    ("state", "homeassistant/binary_sensor/bath_radar_fall_detected/state", None, "on"),
    ("state", "esphome/radar-r04/sensor/heart_rate/state", None, "61.5"),
    ("state", "stat/room4/RESULT", "tasmota/call-button", {"Switch1": {"Action": "ON"}}),
    ("shelly", "shellies/shellybutton1-A4CF12/input_event/0", None, {"event": "S", "event_cnt": 7}),
    ("shelly", "shellies/plus/events/rpc", "shelly/call-button",
     {"src": "plus", "method": "NotifyEvent", "params": {"ts": 1772352000.45, "events": [
         {"component": "input:0", "id": 0, "event": "single_push", "ts": 1772352000.45}]}}),
    ("theengs", "home/gw/BTtoMQTT/7CC6B6611E0F", None,
     {"id": "7C:C6:B6:61:1E:0F", "brand": "Shelly", "model_id": "SBBT-002C", "packet": 12, "batt": 100, "button": 1}),
    ("emfit", "emfit/mat-7", None, {"ts": 1772330400, "in_bed": True, "hr": 57, "rr": 12.5, "quality": 88}),
    ("withings", "withings/ann", None, "userid=12345&appli=51&startdate=1772330400"),
    ("radar", "/devices/id_UjAx/events", None,
     {"type": 5, "payload": {"status": "fall_confirmed", "timestamp": 1772330400000}}),
]  # fmt: skip
"""Format, topic, model, payload."""


def main(repeat: int = 20, number: int = 1000) -> None:
    """Print a table: the best and the median of ``repeat`` runs of ``number`` messages, and what was asked for."""
    print("| format | topic | best, µs | median, µs | asked, µs |\n|---|---|---|---|---|")
    for form, topic, model, payload in MESSAGES:
        data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        frame = Frame(topic=topic, payload=data, received_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
        # the processor's time, so that what else the machine does counts less
        runs = sorted(
            timeit.repeat(partial(decode, form, frame, model), timer=process_time, number=number, repeat=repeat)
        )
        best, median = (run / number * 1e6 for run in (runs[0], runs[len(runs) // 2]))
        print(f"| {form} | `{topic}` | {best:.1f} | {median:.1f} | {BUDGETS.get(form, OTHER_BUDGET)} |")


if __name__ == "__main__":
    main()
