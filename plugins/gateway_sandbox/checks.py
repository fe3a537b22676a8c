"""What the API says about one member of a body: missing 131008, of the wrong kind 100, empty 131009."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from gateway_sandbox.graph import GraphError

Json = dict[str, Any]


def missing(path: str) -> GraphError:
    return GraphError(131008, f"Parameter {path} is missing.")


def invalid(path: str, why: str) -> GraphError:
    """A member of the right kind with a value that will not do."""
    return GraphError(131009, f"Parameter {path} {why}.")


def wrong(path: str, wanted: str) -> GraphError:
    """A member of the wrong kind."""
    return GraphError(100, f"Param {path} must be {wanted}.")


def required(holder: Json, path: str, key: str) -> str:
    """The text under `key`; blank is empty."""
    value = holder.get(key)
    if value is None:
        raise missing(f"{path}['{key}']")
    if not isinstance(value, str):
        raise wrong(f"{path}['{key}']", "a string")
    if not value.strip():
        raise invalid(f"{path}['{key}']", "is empty")
    return value


def optional(holder: Json, path: str, key: str) -> str:
    """The text under `key`, or nothing."""
    value = holder.get(key)
    if value is not None and not isinstance(value, str):
        raise wrong(f"{path}['{key}']", "a string")
    return value or ""


def flag(holder: Json, path: str, key: str) -> bool:
    value = holder.get(key, False)
    if not isinstance(value, bool):
        raise wrong(f"{path}['{key}']", "a boolean")
    return value


def one(holder: Json, path: str, key: str) -> Json:
    """The object under `key`."""
    value = holder.get(key)
    if value is None:
        raise missing(f"{path}['{key}']")
    if not isinstance(value, dict):
        raise wrong(f"{path}['{key}']", "a JSON object")
    return value


def several(holder: Json, path: str, key: str) -> list[Json]:
    """The objects in the array under `key`; none if it is not there."""
    value = holder.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise wrong(f"{path}['{key}']", "an array of JSON objects")
    return value


def at_most(text: str, path: str, limit: int) -> None:
    """A text of a message has so many characters at most."""
    if len(text) > limit:
        problem = f"Param {path} must be at most {limit} characters long."
        raise GraphError(100, problem, message=f"(#100) {problem}")


def within(text: str, path: str, limit: int) -> str:
    """The same for the parts of an interactive message, which have another code."""
    if len(text) > limit:
        raise invalid(path, f"is too long: {len(text)} characters, at most {limit}")
    return text


def link(value: object, path: str) -> None:
    """Public address: http or https."""
    if not isinstance(value, str):
        raise wrong(path, "a string")
    try:
        parts = urlsplit(value)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        good = False
    if not good:
        raise GraphError(100, f"Param {path} is not a valid URI.")


def duplicates(values: list[str]) -> str | None:
    """A value that is there twice."""
    return next((value for value in values if values.count(value) > 1), None)
