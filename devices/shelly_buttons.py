"""Which Shelly buttons call for help: by the centre's model, by their kind, by the name that people gave them."""

import re
from typing import Any

from devices import roles
from devices.errors import UnreadableError

BUTTON_IDS = ("shellybutton1", "shellyblubutton")
"""Beginnings of the ids that Shelly gives to its buttons: they have no other use than to be pressed."""

BUTTON_MODELS = ("button1", "shbtn", "blubutton", "sbbt002c", "sbbt102c")
"""Beginnings of the models that are call buttons: Shelly's names and product codes, without "shelly" and hyphens.
The ``EU`` or ``US`` at the end of a code says only where it was sold."""

OTHER_BUTTON_USES = frozenset({"bell", "chime", "doorbell", "media", "music", "remote", "scene"})
OTHER_USES = OTHER_BUTTON_USES | {
    "blind", "blinds", "cover", "dimmer", "door", "fan", "garage", "gate", "lamp", "light", "lights", "plug", "relay",
    "shutter", "switch",
}  # fmt: skip
"""Words of a model by which the centre says that the button is for something else."""

NO_BUTTON1 = frozenset({"distance", "humidity", "illuminance", "motion", "rotation", "temperature", "window"})
"""What a Bluetooth device measures that is no Button1: its one button is for pairing."""

_WORDS = re.compile(r"[a-z]+")


def is_call_button(device: str, number: int | None, model: str | None) -> bool:
    """Whether a press of that button (number from 0, as Shelly counts) is a call for help."""
    told = roles.of_model(model)
    if told is not None:
        return told.is_call(number)
    if model is not None and is_button_model(model):
        return True
    if model is not None and _is_for(model, OTHER_USES):
        return False
    return device.rpartition("/")[2].lower().startswith(BUTTON_IDS) or roles.is_call_name(device)


def is_button_model(model: str) -> bool:
    """Whether a model or product code is that of a button which has no other use than to be pressed."""
    name = "".join(letter for letter in model.rpartition("/")[2].lower() if letter.isalnum())
    return name.removeprefix("shelly").startswith(BUTTON_MODELS)


def _is_for(model: str, uses: frozenset[str]) -> bool:
    return not uses.isdisjoint(_WORDS.findall(model.rpartition("/")[2].lower()))


def is_blu_call(device: str, data: dict[str, Any], model: str | None) -> bool:
    """Whether a call button is pressed. Raises WRONG_TYPE for a button of one that says nothing readable.

    ``model`` is that of the device that heard it, unless the centre tells what its buttons are for.
    """
    button = data.get("button")
    buttons = button if isinstance(button, list) else [button]
    refused: UnreadableError | None = None
    for index, press in enumerate(buttons):
        if len(buttons) > 1:
            is_call = is_call_button(device, index, model)
        else:
            is_call = is_call_button(device, None, model) or _is_button1(data, model)
        try:
            if is_call and roles.is_press(press, "params.events.data.button"):
                return True
        except UnreadableError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return False


def _is_button1(data: dict[str, Any], model: str | None) -> bool:
    """Whether a Bluetooth device with one button is a Button1, as far as nobody says that it is for something else."""
    if roles.of_model(model) is not None or not NO_BUTTON1.isdisjoint(data):
        return False
    return model is None or not _is_for(model, OTHER_BUTTON_USES)
