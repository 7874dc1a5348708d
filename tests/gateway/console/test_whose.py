"""Whoever goes from button to button, or has them listed by a screen reader, hears whose alert each one answers."""

import re

from tests.gateway.console.house import House

ANSWER = re.compile(r'<form [^>]*action="/alerts/\d+/answer.*?</form>|<summary>.*?</summary>', re.DOTALL)
TAPPED = re.compile(r"<(button|summary)\b.*?</\1>", re.DOTALL)


def spoken(html: str) -> list[str]:
    """The accessible names of what answers an alert."""
    forms = [one for one in ANSWER.findall(html) if "button" in one or "sr" in one]
    found = [one[0] for form in forms for one in re.finditer(TAPPED, form)]
    return [re.sub(r"<[^>]+>", "", one).strip() for one in found]


async def test_each_answer_says_the_room(house: House) -> None:
    number = await house.raise_alert("r01")
    heard = set[str]()
    async with house.signed_in() as nora:
        for answer in ("going:5", "arrive"):
            for path in ("/board", f"/alerts/{number}?part=1", "/residents/r01?part=1"):
                names = spoken((await nora.get(path)).text)
                assert len(names) >= 5, path
                assert [one for one in names if not one.endswith(", 101")] == [], path
                heard.update(names)
            sent = {"answer": answer, "key": f"{number}-{1 if answer == 'going:5' else 2}"}
            assert (await nora.post(f"/alerts/{number}/answer", data=sent)).status_code == 303
    assert {"Going, 5 min, 101", "I am there, 101", "More help, 101", "Close the alert, 101"} <= heard
