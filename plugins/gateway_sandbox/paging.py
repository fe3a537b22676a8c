"""Lists of the management API: `?fields=`, pages with cursors (section 9.1)."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlencode

from gateway_sandbox.graph import GraphError

Json = dict[str, Any]

_DEFAULT_LIMIT, _LIMIT = 25, 1000


def page(found: list[Json], query: dict[str, str], base: str) -> Json:
    """One page.  `query`: limit and after; `base`: address for `next` and `previous`."""
    start, limit = _position(query.get("after")), _limit(query.get("limit"))
    if "before" in query:
        end = _position(query["before"])
        start, limit = max(0, end - limit), min(limit, end)
    data = found[start : start + limit]
    if not data:
        return {"data": []}
    before, after = _cursor(start), _cursor(start + len(data))
    paging: Json = {"cursors": {"before": before, "after": after}}
    rest = {key: value for key, value in query.items() if key not in ("before", "after")}
    if start + len(data) < len(found):
        paging["next"] = f"{base}?{urlencode(rest | {'after': after})}"
    if start > 0:
        paging["previous"] = f"{base}?{urlencode(rest | {'before': before})}"
    return {"data": data, "paging": paging}


def select(
    known: Json, fields: str | None, usual: tuple[str, ...], node: str, empty: tuple[str, ...] = ()
) -> Json:
    """The fields that were asked for, else the `usual` ones; `empty`: those without a value."""
    wanted = [part.strip() for part in fields.split(",")] if fields else list(usual)
    for field in wanted:
        if field not in known and field not in empty:
            raise GraphError(
                100,
                message=(
                    f"(#100) Tried accessing nonexisting field ({field}) on node type ({node})"
                ),
            )
    return {key: known[key] for key in dict.fromkeys((*wanted, "id")) if key in known}


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"at:{position}".encode()).decode()


def _position(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        prefix, _, position = base64.urlsafe_b64decode(cursor).decode().partition(":")
        if prefix == "at" and position.isascii() and position.isdecimal() and len(position) < 16:
            return int(position)
    except ValueError:
        pass
    raise GraphError(100, "Param after is not a cursor of this list.")


def _limit(text: str | None) -> int:
    if text is None:
        return _DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= _LIMIT:
        raise GraphError(100, f"Param limit must be a number from 1 to {_LIMIT}.")
    return int(text)
