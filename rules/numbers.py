"""Numbers in settings are written as numbers: ``true`` or ``"60"`` in the place of one is a typing error."""

from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, model_validator


class Numbers(BaseModel):
    """Settings whose numbers are taken as they are written: no text and no ``true`` becomes a number.

    A whole number stands for one with a point (``60`` for ``60.0``).
    """

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_numbers(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        numbers = _numbers_of(cls)
        for key, value in given.items():
            if isinstance(value, bool | str):
                kinds = numbers.get(key)
                if kinds is not None and type(value) not in kinds:
                    written = f'"{value}"' if isinstance(value, str) else str(value).lower()
                    raise ValueError(f"{key} is {written}; expected a number, without quotes")
        return given


@cache
def _numbers_of(settings: type[BaseModel]) -> dict[str, set[Any]]:
    """What else may stand where a number may, by the key; looked up once, for there are thousands of such tables."""
    found = {
        key: _kinds(field.annotation)
        for name, field in settings.model_fields.items()
        for key in (name, field.alias or name)
    }
    return {key: kinds for key, kinds in found.items() if kinds & {int, float}}


def _kinds(hint: Any) -> set[Any]:
    if get_origin(hint) in {Union, UnionType}:
        return {kind for one in get_args(hint) for kind in _kinds(one)}
    origin = get_origin(hint)
    return _kinds(get_args(hint)[0]) if origin is Annotated else {origin or hint}
