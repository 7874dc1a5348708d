"""Why somebody was not signed in by the provider, and what people read then."""

from enum import StrEnum
from typing import Final

from gateway.words import N_


class Why(StrEnum):
    """What came of a try; the value stands in the address of the page that tells it."""

    DOWN = "down"
    """The provider could not be reached, was too slow, or its papers can't be used."""
    DENIED = "denied"
    """The person said no there, or stopped."""
    STALE = "stale"
    """Begun too long ago, in another browser, or used already."""
    REFUSED = "refused"
    """The provider said that it can't: a code that was used, a client that it does not know, a fault of its own."""
    UNTRUSTED = "untrusted"
    """Its answer is another provider's, or is not signed, or not for us, or not for this sign-in."""
    NOBODY = "nobody"
    """The account is nobody's here."""
    GONE = "gone"
    """It was somebody's who is no longer in the centre."""
    BY_HAND = "byhand"
    """It was linked by a claim, which is not enough for a manager or an administrator."""
    TAKEN = "taken"
    """To be linked: the account, or the carer, is linked to another already."""


SERIOUS: Final = frozenset({Why.DOWN, Why.REFUSED, Why.UNTRUSTED})
"""What somebody should look into; the rest is people's own business."""

AT_SIGN_IN: Final = {
    Why.DOWN: N_("{name} can’t be reached at the moment. Please use your password or a passkey."),
    Why.DENIED: N_(
        "You were not signed in: it was stopped at {name}. Please try again, or use your password or a passkey."
    ),
    Why.STALE: N_("That took too long, or was begun in another browser. Please try again."),
    Why.REFUSED: N_("{name} could not sign you in. Please try again, or use your password or a passkey."),
    Why.UNTRUSTED: N_(
        "The answer of {name} can’t be trusted, so you were not signed in. Please use your password or a passkey, and "
        "tell the person in charge."
    ),
    Why.NOBODY: N_(
        "Your account at {name} is not linked to anybody here yet. Please sign in with your password, and link it at "
        "“My account”; or ask the person in charge."
    ),
    Why.BY_HAND: N_(
        "Your account at {name} was linked by itself, which is not enough for your role. Please sign in with your "
        "password or a passkey, and link it at “My account”; or ask the person in charge."
    ),
    Why.GONE: N_("You are no longer in the list of this house. Please ask the person in charge."),
}  # fmt: skip

AT_LINKING: Final = {
    Why.DOWN: N_("{name} can’t be reached at the moment. Nothing was changed."),
    Why.DENIED: N_("It was stopped at {name}. Nothing was changed."),
    Why.STALE: N_("That took too long, or was begun in another browser. Please try again."),
    Why.REFUSED: N_("{name} could not say who you are. Nothing was changed; please try again."),
    Why.UNTRUSTED: N_(
        "The answer of {name} can’t be trusted. Nothing was changed; please tell the person in charge."
    ),
    Why.TAKEN: N_("This account is linked already, to you or to somebody else. Nothing was changed."),
}  # fmt: skip


def why_of(text: str | None, among: dict[Why, str]) -> Why | None:
    """The word of an address, if it is one of these; anything else is nothing."""
    return next((why for why in among if why == text), None)
