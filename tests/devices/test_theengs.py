"""Bluetooth advertisements: buttons call where they are call buttons, strangers give nothing."""

from typing import Any

import pytest

from devices import theengs
from devices.errors import UnreadableError, Why
from devices.model import Help, Motion, Reading, Room, Status
from tests.devices.cases import frame

TOPIC = "home/TheengsGateway/BTtoMQTT/AABBCCDDEEFF"
D = "AABBCCDDEEFF"


def decode(message: Any, model: str | None = None) -> tuple[Reading, ...]:
    return theengs.decode(frame(TOPIC, message), model)


@pytest.mark.parametrize("model_id", sorted(theengs.BUTTON_MODELS))
def test_every_button_model(model_id: str) -> None:
    for press in (1, 2, 3, 9, 11, "press", "long_press", True, 1.0, "1"):
        assert decode({"model_id": model_id, "button": press}) == (Help(device=D, phase="pressed"),)
        assert decode({"model_id": model_id.lower(), "Button": press}) == (Help(device=D, phase="pressed"),)
    for rest in (0, "none", "", None, False, "0", "None", "RELEASED"):
        assert decode({"model_id": model_id, "button": rest}) == (Status(device=D),)
    with pytest.raises(UnreadableError) as caught:
        decode({"model_id": f"{model_id}_ENCR", "cipher": "aa"})
    assert caught.value.why is Why.ENCRYPTED


def test_a_button_of_whose_kind_only_the_centre_knows() -> None:
    for model in ("shelly/sbbt-002c-eu", "shelly/shellyblubutton1", "x/call-button"):
        assert decode({"brand": "Shelly", "button": 1}, model) == (Help(device=D, phase="pressed"),)
        with pytest.raises(UnreadableError):
            decode({"brand": "Shelly", "button": {}}, model)
    assert decode({"brand": "Shelly", "button": 1}, "shelly/doorbell") == (Status(device=D),)


def test_the_same_button_after_its_gateway_got_the_key() -> None:
    message = {"model_id": "SBBT-002C_ENCR", "cipher": "aa", "button": 1}
    assert decode(message) == (Help(device=D, phase="pressed"),)


def test_several_keys() -> None:
    message = {"model_id": "SBBT-004CUS", "button": 0, "button_2": 1}
    assert decode(message) == (Status(device=D),)
    assert decode(message, "shelly/call-button")[0] == Help(device=D, phase="pressed")
    assert decode(message, "shelly/call-button-2")[0] == Help(device=D, phase="pressed")
    assert decode(message, "shelly/call-button-3") == (Status(device=D),)


def test_a_damaged_message_of_a_button_still_calls() -> None:
    assert decode(b'{"model_id":"SBBT-002C","button":1,"batt":NaN}') == (Help(device=D, phase="pressed"),)
    assert decode(b'{"model_id":"SBBT-002C","button":1,"x":99999999999999999999}') == (Help(device=D, phase="pressed"),)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"id": "AA", "rssi": -70}, ()),
        ({"id": "AA", "rssi": -70, "servicedata": "40"}, ()),
        ({"brand": "Shelly"}, (Status(device=D),)),
        ({"motion": False}, (Motion(device=D, moving=False),)),
        ({"motion": "no"}, ()),
        ({"presence": True}, (Room(device=D, present=True),)),
        ({"batt": 40, "lowbatt": False}, (Status(device=D, battery_percent=40.0, low_battery=False),)),
        ({"steps": 12.0}, (Motion(device=D, steps=12),)),
        ({"steps": -1}, ()),
    ],
)
def test_what_a_message_gives(message: dict[str, Any], expected: tuple[Reading, ...]) -> None:
    assert decode(message) == expected


@pytest.mark.parametrize(
    ("topic", "device"),
    [
        (TOPIC, D),
        ("home/OMG1/BTtoMQTT/aa:bb:cc:dd:ee:ff", D),
        ("house/floor/BTtoMQTT/AABBCCDDEEFF", D),
        ("home/OMG1/BTtoMQTT/", None),
        ("home/OMG1/BTtoMQTT/:::", None),
        ("home/OMG1/LWT", None),
        ("home/OMG1/433toMQTT/1", None),
        ("", None),
    ],
)
def test_the_address_in_a_topic(topic: str, device: str | None) -> None:
    assert theengs.address_of(topic) == device
