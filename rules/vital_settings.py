"""Settings that the rules ``heart_rate``, ``breathing`` and ``oxygen`` have in common, with their sources."""

from datetime import time
from typing import ClassVar

from pydantic import ConfigDict, Field

from rules.baseline import NIGHTS_NEEDED
from rules.model import Priority, RuleSettings
from rules.night import WallClock


class VitalSettings(RuleSettings):
    """What the three rules have in common."""

    name: ClassVar[str]
    device: str | None = Field(
        None,
        description="Only values of this device count. By default all of the resident's do.",
    )
    for_s: float = Field(
        600.0,
        ge=0,
        le=7200,
        description="How long a value must be out of range before it is told, and back in range before it clears. Ten "
        "minutes outlast a cough, a dream, a turn in bed or the way back from the toilet.",
    )
    readings: int = Field(
        5,
        ge=1,
        le=30,
        description="Readings out of range that are needed in that time, so that no single one raises anything.",
    )
    min_quality_percent: float = Field(
        50.0,
        ge=0,
        le=100,
        description="Values that the sensor itself trusts less are passed over. Half, as the makers' scales differ; "
        "values without a quality count.",
    )
    guard_priority: Priority = Field(
        Priority.HIGH,
        description="Priority beyond the limits for everybody. High, as NEWS2 asks for an urgent look at one value in "
        "its red band. This is no medical device: a person looks, and measures again.",
    )


class OwnSettings(VitalSettings):
    """What the rules with a range of the person's own have besides."""

    model_config = ConfigDict(populate_by_name=True)

    priority: Priority = Field(
        Priority.MEDIUM,
        description="Priority out of the person's own range: somebody should look soon.",
    )
    own: bool = Field(True, description="Whether the person's own nights count, and not only the limits for everybody.")
    factor: float = Field(
        3.5,
        ge=2,
        le=10,
        description="So many spreads from the person's own median are out of range: 3.5, as Iglewicz and Hoaglin "
        "(1993) advise for medians. More tells less.",
    )
    nights: int = Field(
        NIGHTS_NEEDED,
        ge=3,
        le=14,
        description="Nights that must be known before the person's own range counts. A week holds each day once.",
    )
    since: WallClock = Field(
        time(22, 0),
        alias="from",
        description="When the night begins, wall-clock time: the person's own range is that of rest.",
    )
    until: WallClock = Field(
        time(7, 0),
        alias="to",
        description="When the night ends. A nap by day is not counted, and only the limits for everybody hold then.",
    )
