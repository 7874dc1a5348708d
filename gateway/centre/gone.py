"""Who is of an earlier version, and still matters: whose alert is open, and who is named in what is shown."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from gateway.centre.model import Resident


class Gone(NamedTuple):
    """People of earlier versions, as the last version had them."""

    residents: Mapping[str, Resident]
    """Those with an open alert."""
    policies: Mapping[str, str]
    """Ids of the policies by which these residents' alerts were told."""
    carers: Mapping[str, str]
    """Names of carers."""


NOBODY: Final = Gone({}, {}, {})
