"""Reading small XML documents of others: no entities, no document types, no surprises."""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from gateway.errors import GatewayError

LARGEST = 64 * 1024
"""Bytes that are read: an alarm or its answer takes one or two thousand."""


class XmlError(GatewayError):
    """That is no XML document, or none that is read."""


def read(data: bytes) -> Element:
    """The root of a document.

    Raises:
        XmlError: it is no XML in UTF-8, too large, or has a document type (entities could grow without end).
    """
    if len(data) > LARGEST:
        raise XmlError(f"larger than {LARGEST} bytes")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise XmlError("not UTF-8") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise XmlError("a document type is not read")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - entities can only come from a document type
    except (ElementTree.ParseError, ValueError) as error:
        raise XmlError("no XML document") from error


def local(element: Element) -> str:
    """An element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def text_of(element: Element, name: str) -> str | None:
    """The text of the first child of that name, whatever its namespace; None: there is none, or it is empty."""
    for child in element:
        if local(child) == name:
            return (child.text or "").strip() or None
    return None


def usable(text: str) -> str:
    """The text without characters that XML 1.0 can't hold."""
    return "".join(
        c for c in text if c in "\t\n\r" or " " <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    )


def write(root: Element) -> bytes:
    """The document as UTF-8."""
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
