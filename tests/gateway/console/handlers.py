"""Handlers of the console are looked at once in a process, not anew for each of a thousand houses.

The console has some 500 handlers; Litestar reads the signature of each, and makes a class of it, whenever an
application is made. Both depend on the code alone, and took half of the time of the tests that start a house.
"""

from typing import Any

from litestar._signature.model import SignatureModel
from litestar.utils.signature import ParsedSignature


def look_once() -> None:
    """From now on both are kept: for functions of the same code, annotations and defaults."""
    read, make = ParsedSignature.from_fn.__func__, SignatureModel.create.__func__  # type: ignore[attr-defined]
    signatures: dict[object, tuple[ParsedSignature, Any]] = {}
    models: dict[object, type[SignatureModel]] = {}
    kept: set[int] = set()

    def from_fn(cls: type[ParsedSignature], fn: Any, signature_namespace: dict[str, Any]) -> Any:
        try:
            annotations = fn.__annotations__
            key = (fn.__code__, *map(id, annotations.values()), repr(fn.__defaults__), repr(fn.__kwdefaults__))
        except AttributeError:  # no plain function
            return read(cls, fn, signature_namespace)
        if key not in signatures:
            # with the annotations, so that their ids stay their own
            signatures[key] = read(cls, fn, signature_namespace), annotations
            kept.add(id(signatures[key][0]))
        return signatures[key][0]

    def create(cls: type[SignatureModel], *, fn: Any, parsed_signature: ParsedSignature, **how: Any) -> Any:
        key = (id(parsed_signature), getattr(fn, "__name__", ""), repr(how))
        found = models.get(key)
        if found is None:
            found = make(cls, fn=fn, parsed_signature=parsed_signature, **how)
            if id(parsed_signature) in kept:  # never freed, so that the id is its own
                models[key] = found
        return found

    ParsedSignature.from_fn = classmethod(from_fn)  # type: ignore[method-assign,assignment]
    SignatureModel.create = classmethod(create)  # type: ignore[method-assign,assignment,arg-type]
