"""Challenges that passkeys answer: each works once, for five minutes, in the browser that asked for it.

Nothing is kept until one is answered: the challenge travels in a signed cookie. Anybody may ask for one, so a place in
memory for each that is out would let a stranger push out those of others, and no passkey would work meanwhile.
"""

from collections import OrderedDict
from datetime import timedelta
from typing import Any, Final

from itsdangerous import BadSignature, URLSafeSerializer
from litestar import Request
from litestar.datastructures import Cookie
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from gateway.clock import Clock, to_ms
from gateway.errors import PasskeyError

CHALLENGE_LASTS: Final = timedelta(minutes=5)

MOST_USED: Final = 10_000
"""A bound on memory. A challenge of which the use was forgotten is of no use to who has not the browser's cookie."""


class Challenges:
    """Makes challenges into cookies, and knows in memory which were answered.

    Args:
        clock: tells when one is too old.
        secret: signs them.
        secure: whether the page is served over HTTPS.
    """

    def __init__(self, clock: Clock, secret: str, *, secure: bool) -> None:
        self._clock = clock
        self._secure = secure
        self._name = "__Host-telecare_passkey" if secure else "telecare_passkey"
        self._signer = URLSafeSerializer(secret, salt="telecare.passkey.v1")
        self._used: OrderedDict[str, None] = OrderedDict()

    def cookie(self, challenge: bytes, carer: str | None) -> Cookie:
        """The cookie of a browser that was asked; ``carer`` None: somebody who signs in."""
        until = to_ms(self._clock.now() + CHALLENGE_LASTS)
        return Cookie(
            key=self._name, value=str(self._signer.dumps([bytes_to_base64url(challenge), carer, until])),
            max_age=int(CHALLENGE_LASTS.total_seconds()), path="/", secure=self._secure, httponly=True,
            samesite="strict",
        )  # fmt: skip

    def take(self, request: Request[Any, Any, Any], carer: str | None) -> bytes:
        """The challenge of this browser, once.

        Raises:
            PasskeyError: there is none, it is too old, it was answered, or it was made for somebody else.
        """
        try:
            challenge, whose, until = self._signer.loads(request.cookies.get(self._name, ""))
        except BadSignature as error:
            raise PasskeyError("There is no challenge.") from error
        left = until - to_ms(self._clock.now())
        # a clock that was set back makes none last longer
        if whose != carer or not 0 < left <= CHALLENGE_LASTS / timedelta(milliseconds=1) or challenge in self._used:
            raise PasskeyError("The challenge was used, or is too old.")
        self._used[challenge] = None
        if len(self._used) > MOST_USED:
            self._used.popitem(last=False)
        return base64url_to_bytes(challenge)
