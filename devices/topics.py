"""MQTT topic filters: what matches, and what could match the same topic twice.

After MQTT 5, section 4.7: ``+`` stands for one level, ``#`` (last level only) for its parent and everything below,
and a filter that begins with a wildcard matches no topic that begins with ``$``.
"""


def matches(topic_filter: str, topic: str) -> bool:
    """Whether a broker would deliver the topic to that subscription."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted = topic_filter.split("/")
    levels = topic.split("/")
    for index, level in enumerate(wanted):
        if level == "#":
            return True
        if index >= len(levels):
            return False
        if level not in ("+", levels[index]):
            return False
    return len(wanted) == len(levels)


def overlap(one: str, other: str) -> bool:
    """Whether there is a topic that both filters match."""
    if one.startswith("$") != other.startswith("$") and (one[:1] in ("+", "#") or other[:1] in ("+", "#")):
        return False
    ones = one.split("/")
    others = other.split("/")
    for left, right in zip(ones, others, strict=False):
        if "#" in (left, right):
            return True
        if left != right and "+" not in (left, right):
            return False
    if len(ones) == len(others):
        return True
    longer, length = (ones, len(others)) if len(ones) > len(others) else (others, len(ones))
    return longer[length] == "#"  # "a/#" matches "a" too


def is_filter(topic_filter: str) -> bool:
    """Whether it is a well-formed filter: not empty, wildcards alone in their level, ``#`` only at the end."""
    levels = topic_filter.split("/")
    return (
        bool(topic_filter)
        and "\0" not in topic_filter
        and all(level in ("+", "#") or not set(level) & {"+", "#"} for level in levels)
        and "#" not in levels[:-1]
    )
