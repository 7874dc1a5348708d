"""Tasmota's topics, for devices.state: what its switches and buttons say below ``stat``, and what ``tele`` tells.

A press comes as ``stat/DEVICE/RESULT {"Switch1": {"Action": "ON"}}``, with ``SetOption4 1`` as
``stat/DEVICE/SWITCH1 {"Action": "ON"}``. Capitals differ between versions and bridges, so they don't count.
"""

from collections.abc import Callable, Iterator
from typing import Any

from devices import door, plain, rescue, roles
from devices.errors import UnreadableError, Why
from devices.model import Help, Reading, Status
from devices.refusals import field_name, shown
from devices.state_words import PRESSED_ACTIONS, RELEASED_ACTIONS

_PARTS = ("switch", "button")
_ACTION = "Action"


def decode(device: str, what: str, payload: bytes, model: str | None) -> tuple[Reading, ...]:
    """The readings of ``stat/DEVICE/WHAT`` or ``tele/DEVICE/WHAT``; a Status where it says nothing of a person.

    Raises UnreadableError; never for a message in which the press of a call button can be read.
    """
    kind = what.lower().rstrip("0123456789")
    if kind == "lwt":
        return (Status(device=device, online=plain.online(plain.read(payload), "LWT")),)
    if kind == "power":
        is_on = plain.on_off(plain.read(payload), what)
        is_call = _is_call(device, what, model)
        return (Help(device=device, phase="pressed") if is_call and is_on else Status(device=device),)
    is_object = payload.lstrip()[:1] == b"{"
    if kind == "result":
        return _told(device, payload, lambda message: _presses(device, message, model))
    if kind in _PARTS and is_object:
        return _told(device, payload, lambda message: _presses(device, _named(what, message), model))
    if kind in _PARTS:
        return tuple(_presses(device, {what: plain.read(payload)}, model)) or (Status(device=device),)
    if is_object:
        door.untyped(payload)
    else:
        plain.read(payload)
    return (Status(device=device),)


def number(name: str) -> int | None:
    """The number at the end of a name: 2 of ``POWER2``."""
    digits = name[len(name.rstrip("0123456789")) :]
    return int(digits[:6]) if digits else None


def _told(device: str, payload: bytes, presses: Callable[[dict[str, Any]], Iterator[Reading]]) -> tuple[Reading, ...]:
    try:
        return tuple(presses(door.untyped(payload))) or (Status(device=device),)
    except UnreadableError as error:
        saved = rescue.save_alarms(payload, presses)
        if not saved:
            raise error from None
        return saved


def _named(what: str, message: dict[str, Any]) -> dict[str, Any]:
    """``{"Action": …}`` on a topic of its own as in a result; a whole result there stays one."""
    return {what: message} if any(key.lower() == _ACTION.lower() for key in message) else message


def _presses(device: str, message: dict[str, Any], model: str | None) -> Iterator[Reading]:
    """One call for help if a call button was pressed. POWER comes on its own topic too, so it is passed over here.

    Raises UnreadableError for what a call button says that is no press and no letting go, unless another was pressed.
    """
    refused: UnreadableError | None = None
    for name, value in message.items():
        if not name.lower().startswith(_PARTS) or not _is_call(device, name, model):
            continue
        try:
            if _is_press(name, value):
                yield Help(device=device, phase="pressed")
                return
        except UnreadableError as error:
            refused = refused or error
    if refused is not None:
        raise refused


def _is_press(name: str, value: Any) -> bool:
    field = f"{name[:64]}.{_ACTION}"
    if isinstance(value, dict):
        value = next((said for key, said in value.items() if key.lower() == _ACTION.lower()), None)
    if not isinstance(value, str):
        why = Why.MISSING_FIELD if value is None else Why.WRONG_TYPE
        raise UnreadableError(why, f"{shown(value)}; expected a word", field_name(field))
    word = value.strip().upper()
    if word in PRESSED_ACTIONS:
        return True
    if word in RELEASED_ACTIONS:
        return False
    expected = ", ".join(sorted(PRESSED_ACTIONS | RELEASED_ACTIONS - {""}))
    raise UnreadableError(Why.OUT_OF_RANGE, f"{shown(value)}; expected one of {expected}", field_name(field))


def _is_call(device: str, name: str, model: str | None) -> bool:
    told = roles.of_model(model)
    return roles.is_call_name(device) if told is None else told.is_call(number(name))
