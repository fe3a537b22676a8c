"""What is told to a number: registration, its profile, whom it blocks (sections 1.8 and 9.2)."""

from __future__ import annotations

from typing import Any

from gateway_sandbox.account import Number
from gateway_sandbox.checks import invalid, missing, several
from gateway_sandbox.graph import GraphError, webhook_error
from gateway_sandbox.paging import page, select
from gateway_sandbox.people import Person, parse_person
from gateway_sandbox.state import State

Json = dict[str, Any]

BLOCK_LIMIT = 64_000
_PROFILE = {
    "about": 139,
    "address": 256,
    "description": 512,
    "email": 128,
    "vertical": 50,
    "profile_picture_handle": 2000,
}
_WEBSITES = 2


def register(state: State, number: Number, given: Json) -> Json:
    """`POST /{phone_number_id}/register`: the first PIN becomes the number's."""
    _product(given)
    pin = given.get("pin")
    if pin is None:
        raise missing("pin")
    if not isinstance(pin, str) or len(pin) != 6 or not (pin.isascii() and pin.isdecimal()):
        raise GraphError(100, "Param pin must be six digits.")
    _count(state, number)
    if number.pin not in (None, pin):
        raise GraphError(133005, "Two-step verification PIN mismatch.")
    number.registered, number.pin = True, pin
    return {"success": True}


def deregister(state: State, number: Number) -> Json:
    """`POST /{phone_number_id}/deregister`: it cannot send until it is registered again."""
    _count(state, number)
    number.registered = False
    return {"success": True}


def _count(state: State, number: Number) -> None:
    limiter, now = state.account.registrations, state.clock()
    if not limiter.ready(number.id, now):
        raise GraphError(133016, "Too many calls of register and deregister within 72 hours.")
    limiter.take(number.id, now)


def profile(number: Number, fields: str | None) -> Json:
    """`GET /{phone_number_id}/whatsapp_business_profile`"""
    known = {"messaging_product": "whatsapp", "vertical": "UNDEFINED"} | number.profile
    usual = ("messaging_product", *number.profile)
    empty = (*_PROFILE, "websites", "profile_picture_url")
    shown = select(known, fields, usual, "WhatsAppBusinessProfile", empty)
    return {"data": [shown]}


def set_profile(number: Number, given: Json) -> Json:
    """`POST …`: what is given replaces what was there."""
    _product(given)
    for key, limit in _PROFILE.items():
        value = given.get(key, "")
        if not isinstance(value, str) or len(value) > limit:
            raise GraphError(100, f"Param {key} must be a string of at most {limit} characters.")
    websites = given.get("websites", [])
    if not isinstance(websites, list) or len(websites) > _WEBSITES:
        raise GraphError(100, f"Param websites must be an array of at most {_WEBSITES} addresses.")
    number.profile |= {k: given[k] for k in (*_PROFILE, "websites") if k in given}
    return {"success": True}


def blocked(number: Number, query: dict[str, str], base: str) -> Json:
    """`GET /{phone_number_id}/block_users`"""
    data = [{"messaging_product": "whatsapp"} | _person(contact) for contact in number.blocked]
    return page(data, query, base)


def block(state: State, number: Number, given: Json) -> Json:
    """`POST …`: who wrote within the last 24 hours is blocked, the others are told with 131047."""
    added, failed = [], []
    for name, person in _users(given):
        if not state.in_window(number.id, person.contact, state.clock()):
            problem = webhook_error(131047, "Only who wrote in the last 24 hours can be blocked.")
            failed.append({"input": name} | _person(person.contact) | {"errors": [problem]})
        elif len(number.blocked) >= BLOCK_LIMIT:
            raise GraphError(139101, f"The number blocks {BLOCK_LIMIT} users already.")
        else:
            number.blocked[person.contact] = name
            added.append({"input": name} | _person(person.contact))
    if failed and not added:
        raise GraphError(139100, "None of the users could be blocked.")
    answer: Json = {"messaging_product": "whatsapp", "block_users": {"added_users": added}}
    if failed:
        answer["block_users"]["failed_users"] = failed
        error = GraphError(139100, "Some of the users could not be blocked.")
        answer["errors"] = error.body(state.trace())["error"]
    return answer


def unblock(number: Number, given: Json) -> Json:
    """`DELETE …`: whoever is named is free again."""
    removed = []
    for name, person in _users(given):
        number.blocked.pop(person.contact, None)
        removed.append({"input": name} | _person(person.contact))
    return {"messaging_product": "whatsapp", "block_users": {"removed_users": removed}}


def _users(given: Json) -> list[tuple[str, Person]]:
    """Everybody in `block_users`, as named and as meant."""
    _product(given)
    users = several(given, "body", "block_users")
    if not users:
        raise missing("block_users")
    found = []
    for index, user in enumerate(users):
        name = user.get("user") or user.get("user_id")
        person = parse_person(name) if isinstance(name, str) else None
        if person is None or not isinstance(name, str):
            raise invalid(f"block_users[{index}]", "has neither a phone number nor a user id")
        found.append((name, person))
    return found


def _person(contact: str) -> Json:
    if contact.startswith("+"):
        return {"wa_id": contact[1:]}
    return {"user_id": contact}


def _product(given: Json) -> None:
    if given.get("messaging_product") != "whatsapp":
        raise GraphError(100, message="(#100) The parameter messaging_product is required.")
