"""A simulated carer: looks at a message after a while, and answers: goes, arrives, closes; or can't, or never looks.

By a link they do as a person's browser does: GET the page, POST the form that stands on it. The other ways (SMS, the
button of a chat, a pager) are in simulators.ways.
"""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from random import Random
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from simulators.forms import Form, read_forms
from simulators.pace import Pace, wall_now


class Answer(StrEnum):
    """What a carer presses; the word that the form's button or hidden ``answer`` field begins with."""

    GOING = "going"
    ARRIVE = "arrive"
    DECLINE = "decline"
    CLOSE = "close"


class Outcome(StrEnum):
    """What came of one answer."""

    TAKEN = "taken"
    """The page took it."""
    NOT_SEEN = "not_seen"
    """The carer never looked at the message."""
    NOT_OFFERED = "not_offered"
    """The page has no such answer now: somebody else was quicker, or it is over."""
    REFUSED = "refused"
    """The page says no (status 4xx), e.g. the link is too old."""
    UNREACHABLE = "unreachable"
    """No page: nobody listens, it takes too long, or it fails (status 5xx)."""


class Manners(msgspec.Struct, frozen=True, kw_only=True):
    """How a carer answers. Delays are simulated seconds, drawn between the two."""

    looks: float = 0.9
    """Probability of looking at a message at all."""
    declines: float = 0.1
    """Probability of saying "I can't" when looking."""
    look_after_s: tuple[float, float] = (15.0, 180.0)
    arrive_after_s: tuple[float, float] = (60.0, 420.0)
    close_after_s: tuple[float, float] = (120.0, 900.0)


class Character(StrEnum):
    """Carers as everybody knows them."""

    ANSWERS = "answers"
    """Always looks, goes, arrives and closes."""
    IGNORES = "ignores"
    """Never looks."""
    DECLINES = "declines"
    """Looks, and can't."""
    LATE = "late"
    """Says "going", and is there only after the promised ten minutes."""
    MIXED = "mixed"
    """Mostly answers, now and then declines, and sometimes never looks."""


CHARACTERS: dict[Character, Manners] = {
    Character.ANSWERS: Manners(looks=1, declines=0),
    Character.IGNORES: Manners(looks=0),
    Character.DECLINES: Manners(looks=1, declines=1),
    Character.LATE: Manners(looks=1, declines=0, arrive_after_s=(660.0, 1500.0)),
    Character.MIXED: Manners(),
}


class Visit(msgspec.Struct, frozen=True):
    """What a carer did about one message: each answer with what came of it."""

    link: str
    steps: tuple[tuple[Answer | None, Outcome], ...]


class Carer:
    """A carer.

    Args:
        rng: draws delays and decisions; the same stream answers the same way.
        manners: how likely and how quickly.
        pace: whose time the delays are; None: real time.
        timeout_s: real seconds that a page may take.
    """

    def __init__(
        self, *, rng: Random, manners: Manners | None = None, pace: Pace | None = None, timeout_s: float = 10.0
    ) -> None:
        self._rng = rng
        self._manners = manners or Manners()
        self._pace = pace or Pace(wall_now())
        self._timeout_s = timeout_s

    async def attend(self, link: str) -> Visit:
        """Deal with a message that has a link. Never raises for what a page does."""
        async with httpx.AsyncClient(follow_redirects=True, timeout=self._timeout_s) as browser:
            return await self.attend_by(link, lambda answer: press(browser, link, answer))

    async def attend_by(self, about: str, say: Callable[[Answer], Awaitable[Outcome]]) -> Visit:
        """Deal with a message: look, say going (or decline), arrive, close; until an answer is not taken.

        Args:
            about: what the message was about, kept in the visit.
            say: gives an answer; must not raise for what the other side does.
        """
        rng, manners = self._rng, self._manners
        looks, declines = rng.random() < manners.looks, rng.random() < manners.declines
        if not looks:
            return Visit(about, ((None, Outcome.NOT_SEEN),))
        plan = [(Answer.GOING, manners.look_after_s)]
        if declines:
            plan = [(Answer.DECLINE, manners.look_after_s)]
        else:
            plan += [(Answer.ARRIVE, manners.arrive_after_s), (Answer.CLOSE, manners.close_after_s)]
        steps: list[tuple[Answer | None, Outcome]] = []
        for answer, (least, most) in plan:
            await self._pace.wait(rng.uniform(least, most))
            outcome = await say(answer)
            steps.append((answer, outcome))
            if outcome is not Outcome.TAKEN:
                break
        return Visit(about, tuple(steps))


async def press(browser: httpx.AsyncClient, link: str, answer: Answer) -> Outcome:
    """GET the page behind a link and POST the form that offers the answer."""
    try:
        page = await browser.get(link)
        if page.is_error:
            return _failed(page)
        found = _offer(read_forms(page.text), answer)
        if found is None:
            return Outcome.NOT_OFFERED
        form, data = found
        done = await browser.post(urljoin(str(page.url), form.action), data=data, headers=_sender(page))
    except httpx.HTTPError:
        return Outcome.UNREACHABLE
    return _failed(done) if done.is_error else Outcome.TAKEN


def _sender(page: httpx.Response) -> dict[str, str]:
    """What a browser says about the page that a form stands on; with ``no-referrer`` it hides even the origin."""
    if page.headers.get("referrer-policy") == "no-referrer":
        return {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    here = str(page.url)
    parts = urlsplit(here)
    return {"Origin": f"{parts.scheme}://{parts.netloc}", "Referer": here, "Sec-Fetch-Site": "same-origin"}


def _failed(page: httpx.Response) -> Outcome:
    return Outcome.REFUSED if page.is_client_error else Outcome.UNREACHABLE


def _offer(forms: list[Form], answer: Answer) -> tuple[Form, dict[str, str]] | None:
    """The first form that offers the answer, filled in: a button that begins with its word, or a hidden field."""
    for form in forms:
        if form.method != "post":
            continue
        chosen = {name: values[0] for name, values in form.choices.items() if values}
        button = next(((name, value) for name, value in form.buttons if value.startswith(answer)), None)
        if button is not None:
            return form, {**form.fields, **chosen, button[0]: button[1]}
        if answer in form.fields.values():
            return form, {**form.fields, **chosen}
    return None
