"""docs/codecs.md says the limits that the code has."""

from pathlib import Path

from gateway.codecs import Limits
from gateway.codecs.worker import FORM, MAX_ANSWER, MESSAGES, SPOILED

TEXT = Path(__file__).parents[3].joinpath("docs", "codecs.md").read_text("utf-8")


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    for words in (
        f"{limits.time_ms} ms of processor time for a message",
        f"after {2 * limits.time_ms} ms of processor time",
        f"does not answer for {limits.wait_s:g} s",
        f"{limits.memory_bytes // 2**20} MiB for each codec's message",
        f"after {MESSAGES} messages",
        f"spoiled {SPOILED} contexts",
        f"{limits.stack_bytes // 2**10} KiB of stack",
        f"at most {MAX_ANSWER // 2**10} KiB",
    ):
        assert words in TEXT.replace("\n  ", " ").replace("\n", " "), words


def test_every_form_is_told_of() -> None:
    for name in ("decodeUplink", "Decode", "Decoder"):
        assert f"typeof {name} " in FORM
        assert f"| `{name}(" in TEXT
