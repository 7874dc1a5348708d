"""The forms of a web page, as a carer's browser sees them."""

from html.parser import HTMLParser

import msgspec


class Form(msgspec.Struct, kw_only=True):
    """A form: where it goes, what it carries already, and what can be pressed or chosen."""

    method: str
    action: str
    fields: dict[str, str] = {}
    """Hidden and filled-in fields, and empty text areas."""
    buttons: list[tuple[str, str]] = []
    """(name, value) of each submit button; both may be empty."""
    choices: dict[str, list[str]] = {}
    """Values to choose from by field, the empty "please choose" left out."""


def read_forms(page: str) -> list[Form]:
    """All forms of a page, in order."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader.forms


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        name, value = said.get("name", ""), said.get("value", "")
        if tag == "form":
            self._open = Form(method=said.get("method", "get").lower(), action=said.get("action", ""))
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "button" or (tag == "input" and said.get("type") == "submit"):
            self._open.buttons.append((name, value))
        elif tag == "input" and said.get("type") not in ("checkbox", "radio"):
            self._open.fields[name] = value
        elif tag == "textarea":
            self._open.fields[name] = ""
        elif tag == "select":
            self._select = name
            self._open.choices[name] = []
        elif tag == "option" and self._select is not None and value:
            self._open.choices[self._select].append(value)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = None
