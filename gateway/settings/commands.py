"""[commands]: commands back to devices; see docs/commands.md."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.settings.table import Table


def _level(value: str) -> str:
    if re.fullmatch(r"[^+#/\\\s\x00]{1,128}", value) is None:
        raise ValueError("expected one level of an MQTT topic, without + # / and spaces")
    return value


def _base(value: str) -> str:
    for level in value.split("/"):
        _level(level)
    return value


Level = Annotated[str, AfterValidator(_level)]
Base = Annotated[str, AfterValidator(_base)]


class Commands(Table):
    """[commands]: ring, find, light and locate."""

    expires_s: float = Field(
        60.0, ge=5, le=86400, description="Seconds until a command is of no use, where whoever asks does not say."
    )
    per_minute: int = Field(6, ge=1, le=600, description="Commands that one device may get in a minute.")
    tts_application: Level | None = Field(
        None, description="Application and tenant in The Things Stack's topics, such as haven@ttn."
    )
    chirpstack_application: Level | None = Field(None, description="Application id in ChirpStack's topics (a UUID).")
    zigbee2mqtt: Base = Field("zigbee2mqtt", description="Base topic of Zigbee2MQTT.")
