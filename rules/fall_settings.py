"""Settings of the rule for falls."""

from typing import ClassVar, Literal

from pydantic import Field

from rules.model import RuleSettings


class FallSettings(RuleSettings):
    """When a fall is told."""

    name: ClassVar[str] = "fall"
    rule: Literal["fall"] = "fall"
    cancel_within_s: float = Field(
        0.0,
        ge=0,
        le=300,
        description="How long the wearer may take a detected fall back before it is told. 0 tells at once: a "
        "device that asks the wearer first has waited already. Where yours does not, 20 to 30 s leave time to press.",
    )
    suspected_after_s: float = Field(
        30.0,
        ge=0,
        le=3600,
        description="A fall that is only suspected is told (medium) when nothing took it back for this long. Half a "
        "minute leaves a sensor time to confirm or drop it, and nobody on the floor for long.",
    )
    ended_clears: bool = Field(
        False,
        description="Whether a sensor that no longer sees the fall clears a fall that was told. No by default: a "
        "person who crawled out of sight looks the same as one who got up.",
    )
    long_lie_after_s: float = Field(
        600.0,
        ge=0,
        le=7200,
        description="A fall is told again as high, as a long lie, when nothing showed for this long that the person "
        "got up; and again after three and seven times that. 0: never. Of people over 90 who fell in a year, four in "
        "five could not get up at least once and three in ten lay for an hour or more (Fleming and Brayne, BMJ "
        "2008;337:a2227); ten minutes leave time to get up, and most of that hour to help.",
    )
    still_after_s: float = Field(
        20.0,
        ge=0,
        le=600,
        description="A suspected fall is told high, this long after it, when a worn sensor says meanwhile that the "
        "person lies or does not move. Impact, then lying still, is what many worn detectors look for (a review: Noury "
        "and others, IRBM 2008;29:340). 20 s are our choice: who sat down hard goes on by then.",
    )
    again_within_s: float = Field(
        600.0,
        ge=0,
        le=86_400,
        description="A suspicion within this time of another one counts as a detected fall: a sensor is wrong once "
        "more easily than twice. Ten minutes cover one try to get up. 0: each counts by itself.",
    )
    hard_impact_g: float | None = Field(
        None,
        gt=0,
        le=400,
        description="A suspected fall with at least this impact counts as detected. None by default: what a sensor "
        "measures depends on where it is worn. On the trunk one threshold told acted falls from daily life (Bourke and "
        "others, Gait and Posture 2007;26:194: 3.52 g); start from what your sensor's maker says.",
    )
