"""Where a request comes from, as far as budgets and limits go by it."""

from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from litestar.connection import ASGIConnection

ONE_LINE = 64
"""Bits of an IPv6 address that one line of a provider has to itself (RFC 6177): the rest is free to choose."""


def place_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The network address of who asks; behind a proxy on this machine, the one that the proxy names."""
    return place(connection.client.host if connection.client else "")


def place(host: str) -> str:
    """An address as a place: of IPv6 the network of one line; what is no address as it is."""
    try:
        address = ip_address(host)
    except ValueError:
        return host or "unknown"
    if not isinstance(address, IPv6Address):
        return host
    return str(address.ipv4_mapped or ip_network((int(address), ONE_LINE), strict=False))
