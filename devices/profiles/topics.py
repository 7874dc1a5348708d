"""Topic templates: ``sensors/{device}/state`` says where in a topic the device's address stands."""

import re
from collections.abc import Callable

_BLANK = "{device}"
_ANY = "{any}"


def compile_template(template: str) -> Callable[[str], str | None] | None:
    """The function that finds the device's address in a topic: "" if the template has no ``{device}``, None if the
    topic does not fit. None instead of a function if it is no template.

    ``{device}`` stands for one whole level or a part of one, ``{any}`` for one level that does not matter.
    """
    if not template or template.count(_BLANK) > 1 or set(template) & {"+", "#", "\0"}:
        return None
    rest = template.replace(_BLANK, "").replace(_ANY, "")
    if "{" in rest or "}" in rest:
        return None
    pattern = re.escape(template).replace(re.escape(_BLANK), "(?P<device>[^/]+)").replace(re.escape(_ANY), "[^/]+")
    fits = re.compile(pattern).fullmatch
    has_device = _BLANK in template

    def device_of(topic: str) -> str | None:
        match = fits(topic)
        if match is None:
            return None
        return match["device"] if has_device else ""

    return device_of


def filter_of(template: str) -> str:
    """The MQTT topic filter of a template: a level with a blank becomes ``+``."""
    return "/".join("+" if "{" in level else level for level in template.split("/"))
