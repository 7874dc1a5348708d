"""The house of the tests with wards, and with a plan of shifts."""

from copy import deepcopy

from gateway.centre.index import CentreIndex
from gateway.centre.load import centre_from_document
from tests.gateway.console.house import DOCUMENT, House


def with_wards(house: House) -> None:
    """101 is in the north, 102 in the south, the third room in no ward; Bo works in the north only, Sam is on duty."""
    document = deepcopy(DOCUMENT)
    for resident, ward in zip(document["residents"], ("north", "south"), strict=False):
        resident["ward"] = ward
    for carer in document["carers"]:
        if carer["id"] == "bo":
            carer["wards"] = ["north"]
            carer["language"] = "en"
    document["shifts"] = [
        {"id": "night", "weekly": [{"days": "daily", "from": "00:00", "to": "12:00", "carers": ["sam"]}]}
    ]
    house.index = CentreIndex(centre_from_document(document))
