"""How carers are reached, as JSON: channels, contacts and the tests of them; for managers, as the pages."""

from typing import Any, get_args

import msgspec
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from gateway.alerts import contact_tests
from gateway.alerts.contact_tests import ContactTest, address_hash
from gateway.centre.contact import address_shown
from gateway.centre.model import Carer, Channel
from gateway.console.deps import console_of
from gateway.console.guards import at_least, required_visitor, same_origin
from gateway.console.listing import POLLED, polled
from gateway.console.once import once
from gateway.console.problems import problem
from gateway.console.routing import Router


class ChannelView(msgspec.Struct):
    """A channel: whether it is set up on this gateway, and how many contacts use it."""

    channel: str
    works: bool
    used: int


class Channels(msgspec.Struct):
    """Every channel there is."""

    channels: list[ChannelView]


class ContactView(msgspec.Struct, kw_only=True):
    """A contact, by its place (from 0) in the order to be tried. ``address`` is shown without what is secret;
    ``works``: its channel is set up here; ``test``: the newest one, null: never."""

    number: int
    channel: str
    address: str
    works: bool
    test: ContactTest | None


class Contacts(msgspec.Struct):
    """A carer's contacts, in the order to be tried."""

    carer: str
    contacts: list[ContactView]


def router() -> Router:
    """GET /api/channels, GET /api/carers/{carer}/contacts, POST …/contacts/{number}/test."""

    @get("/channels", summary="Ways to reach carers", operation_id="channels")
    async def channels(request: Request[Any, Any, Any]) -> Channels:
        deps = console_of(request).deps
        used = [contact.channel for carer in deps.index().carers.values() for contact in carer.contacts]
        words = sorted(get_args(Channel))
        return Channels([ChannelView(word, _works(request, word), used.count(word)) for word in words])

    @get("/carers/{carer:str}/contacts", summary="How a carer is reached", operation_id="contacts", responses=POLLED)
    async def contacts(request: Request[Any, Any, Any], carer: FromPath[str]) -> Response[Contacts]:
        return await polled(request, Contacts(carer, _contacts(request, _carer(request, carer))), look=None)

    @post(
        "/carers/{carer:str}/contacts/{number:int}/test", status_code=200, summary="Send a test by a contact",
        operation_id="testContact", guards=[same_origin], opt={"exclude_from_csrf": True},
    )  # fmt: skip
    @once
    async def test(
        request: Request[Any, Any, Any], carer: FromPath[str], number: FromPath[int]
    ) -> Response[ContactView] | Response[bytes]:
        console, visitor, found = console_of(request), required_visitor(request), _carer(request, carer)
        if not 0 <= number < len(found.contacts):
            raise NotFoundException
        if console.deps.test_contact is None:
            return problem(503, "This gateway can send no tests.")
        try:
            await console.deps.test_contact(carer, number, visitor.id)
        except LookupError:
            raise NotFoundException from None
        return Response(_contacts(request, found)[number])

    return Router("/api", route_handlers=[channels, contacts, test], guards=[at_least("manager")], tags=["messages"])


def _works(request: Request[Any, Any, Any], channel: str) -> bool:
    works = console_of(request).deps.channels
    return works is None or channel in works


def _carer(request: Request[Any, Any, Any], carer: str) -> Carer:
    found = console_of(request).deps.index().carers.get(carer)
    if found is None:
        raise NotFoundException
    return found


def _contacts(request: Request[Any, Any, Any], carer: Carer) -> list[ContactView]:
    latest = contact_tests.latest(console_of(request).db())
    return [
        ContactView(
            number=number,
            channel=one.channel,
            address=address_shown(one.channel, one.address).strip('"') if one.address else "",
            works=_works(request, one.channel),
            test=latest.get((carer.id, address_hash(one.channel, one.address))),
        )
        for number, one in enumerate(carer.contacts)
    ]
