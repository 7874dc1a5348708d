"""Errors of the devices package.

DeviceError
├── UnreadableError      a frame that no reading can be taken from; goes to quarantine with its reason
└── AmbiguousFormatError two formats claim the same name or topic; refused when the registry is built
"""

from enum import StrEnum


class DeviceError(Exception):
    """Base of everything this package raises."""


class Why(StrEnum):
    """Named reasons for quarantine; stored, counted and shown, so a value never changes its meaning."""

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    TOO_DEEP = "too_deep"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    BIG_INTEGER = "big_integer"
    LONE_SURROGATE = "lone_surrogate"
    BAD_POSITION = "bad_position"
    BAD_TIME = "bad_time"
    WRONG_TOPIC = "wrong_topic"
    UNKNOWN_KIND = "unknown_kind"
    UNSUPPORTED_VERSION = "unsupported_version"
    ENCRYPTED = "encrypted"
    UNKNOWN_FORMAT = "unknown_format"
    UNKNOWN_MODEL = "unknown_model"
    MISSING_DECODER = "missing_decoder"
    DECODER_FAILED = "decoder_failed"
    CODEC_FAILED = "codec_failed"
    CODEC_TIMEOUT = "codec_timeout"
    CODEC_SUSPENDED = "codec_suspended"


class UnreadableError(DeviceError):
    """A frame can't be read.

    Args:
        why: the named reason.
        detail: one sentence for a technician: field, value (shortened), what is expected.
        field: the field's path in the payload, e.g. ``position.latitude``; None when it is about the whole.
    """

    def __init__(self, why: Why, detail: str, field: str | None = None) -> None:
        super().__init__(f"{why}: {detail}" if field is None else f"{why}: {field}: {detail}")
        self.why = why
        self.detail = detail
        self.field = field


class AmbiguousFormatError(DeviceError):
    """Two formats claim the same name or the same topic."""
