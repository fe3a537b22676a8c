"""Finds a form's fields by the names that the settings give, and reads their values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping

from .bodies import VALUE, Value

_WHOLE = ("full", "text", "label", "value", "title", "name")
"""Members of an object that stand for it, such as Jotform's phone."""


def find(fields: Mapping[str, Value], names: Iterable[str]) -> Value:
    """Return the first value that is not empty under one of the names; None if there is none.

    A name is that of a field, its label in any case (`Telefon (mobil)`), or a path:
    `contact.phone`, `answers.0.text`, which also finds `contact[phone]`.
    """
    for name in names:
        for value in _candidates(fields, name):
            if value not in (None, "", [], {}):
                return value
    return None


def _candidates(fields: Mapping[str, Value], name: str) -> Iterator[Value]:
    if name in fields:
        yield fields[name]
    wanted = plain(name)
    yield from (value for label, value in fields.items() if plain(label) == wanted)
    if "." in name:
        head, *rest = name.split(".")
        yield fields.get(head + "".join(f"[{one}]" for one in rest))
        yield _walk(fields, [head, *rest])


def _walk(value: Value, path: list[str]) -> Value:
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def text(value: Value, longest: int = VALUE) -> str:
    """Return a value as one text: lists with commas, objects by what stands for them."""
    return _text(value, 4).strip()[:longest]


def _text(value: Value, depth: int) -> str:
    if value is None or depth == 0:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, Mapping):
        whole = next((value[key] for key in _WHOLE if value.get(key)), None)
        return _text(whole, depth - 1) if whole else _joined(value.values(), " ", depth)
    if isinstance(value, list):
        return _joined(value, ", ", depth)
    return str(value)


def _joined(values: Iterable[Value], by: str, depth: int) -> str:
    return by.join(one for value in values if (one := _text(value, depth - 1)))


def texts(value: Value) -> list[str]:
    """Return the texts of a value that may be several; `a, b` in one text is two."""
    if isinstance(value, list):
        return [one for item in value if (one := text(item))]
    return [one.strip() for one in re.split(r"[,;\n]", text(value)) if one.strip()]


def agreed(value: Value, accepted: Iterable[str]) -> bool:
    """Return whether a tick says yes: one of its values is one of the accepted texts.

    That a field is there says nothing: form tools send `false`, an empty list, or "Nein".
    """
    wanted = {plain(one) for one in accepted}
    found = value if isinstance(value, list) else [value]
    return any(plain(text(one)) in wanted for one in found if one not in (None, ""))


def plain(text: str) -> str:
    """Return a label or an option as it is compared: in any case, any Unicode form, any space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())
