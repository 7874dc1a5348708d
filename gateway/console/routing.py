"""Our routers: made anew for each application, and so registered as they are."""

from typing import Any, Self

import litestar


class Router(litestar.Router):
    """A router for one application.

    Litestar registers a deep copy of each router, so that one of them can be part of several applications. Ours are
    made by functions, once for each application. Copying them took half of the time until the console answers.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """The router itself."""
        return self
