"""Short codes for alerts, to be typed on a small telephone: ``K7``.

They follow from the alert's number and come again after 160 alerts, so they are only looked for among the open alerts
that the sender was told about.
"""

LETTERS = "ABCDEFHKLMNPRSTUVWXY"
"""Without G, I, J, O, Q, Z, which look or sound like others."""

DIGITS = "23456789"
"""Without 0 and 1: 1 and 2 are also the answers, but they stand first and alone."""

HOW_MANY = len(LETTERS) * len(DIGITS)


def code_of(alert: int) -> str:
    """The alert's code: neighbours differ in both places, so that a slip of the finger hits no other one."""
    place = alert * 63 % HOW_MANY  # 63 has no factor in common with 160: every code comes once in 160 alerts
    return LETTERS[place % len(LETTERS)] + DIGITS[place // len(LETTERS)]
