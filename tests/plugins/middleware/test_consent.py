"""Permission first: which permission suffices for which kind, and what is missing otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from gateway.api import Basis, ConfigError, Delivery, Drop, Permissions
from gateway.store.protocol import micros
from gateway.testing import NOW, delivery, judged, make, message, started
from gateway_plugins.middleware.consent import Consent

NOTHING = Permissions()
ALL = Permissions(consent=11, request=12, window_until=1_900_000_000_000_000)


@pytest.mark.parametrize(
    ("kind", "permissions", "basis"),
    [
        ("marketing", Permissions(consent=11), Basis(kind="consent", event=11)),
        ("marketing", ALL, Basis(kind="consent", event=11)),
        ("confirmation", Permissions(request=12), Basis(kind="request", event=12)),
        ("confirmation", ALL, Basis(kind="request", event=12)),
        ("service", Permissions(window_until=1), Basis(kind="window")),
        ("service", ALL, Basis(kind="window")),
        ("utility", NOTHING, Basis(kind="declared", text="order")),
        ("utility", ALL, Basis(kind="declared", text="order")),
    ],
)
async def test_what_suffices(kind: Any, permissions: Permissions, basis: Basis) -> None:
    """Each kind rests on its own permission, named in the basis; others do not matter."""
    plugin = make(Consent, utility=["order"])
    leased = delivery(message=message(kind=kind, basis="order"), permissions=permissions)
    answer = await judged(plugin, leased)
    assert answer == leased.replace(basis=basis)


@pytest.mark.parametrize(
    ("kind", "permissions", "declared", "allowed", "code"),
    [
        ("marketing", NOTHING, None, (), "no_consent"),
        ("marketing", ALL.replace(consent=None), "order", ("order",), "no_consent"),
        ("confirmation", NOTHING, None, (), "no_consent"),
        ("confirmation", ALL.replace(request=None), "order", ("order",), "no_consent"),
        ("service", NOTHING, None, (), "no_window"),
        ("service", ALL.replace(window_until=None), "order", ("order",), "no_window"),
        ("utility", ALL, None, (), "no_basis"),
        ("utility", ALL, None, ("order",), "no_basis"),
        ("utility", ALL, "order", (), "no_basis"),
        ("utility", ALL, "Order", ("order",), "no_basis"),
        ("utility", ALL, "order ", ("order",), "no_basis"),
    ],
)
async def test_what_is_missing(
    kind: Any, permissions: Permissions, declared: str | None, allowed: Sequence[str], code: str
) -> None:
    """Without its own permission a delivery is dropped, whatever else the person allows."""
    plugin = make(Consent, utility=allowed)
    leased = delivery(message=message(kind=kind, basis=declared), permissions=permissions)
    answer = await judged(plugin, leased)
    assert isinstance(answer, Drop)
    assert answer.code == code


@pytest.mark.parametrize(
    ("kind", "until", "dropped"),
    [
        ("marketing", 1, True),
        ("marketing", 0, False),
        ("marketing", -1, False),
        ("marketing", None, False),
        ("service", 1, False),
        ("confirmation", 1, False),
        ("utility", 1, False),
    ],
)
async def test_a_person_who_wants_a_pause(kind: Any, until: int | None, dropped: bool) -> None:
    """Nothing but news waits for its end; `until`: seconds from now."""
    ends = None if until is None else micros(NOW) + until * 1_000_000
    leased = delivery(
        message=message(kind=kind, basis="order"), permissions=ALL.replace(paused_until=ends)
    )
    async with started(make(Consent, utility=["order"])) as plugin:
        answer = await judged(plugin, leased)
    code = answer.code if isinstance(answer, Drop) else None
    assert code == ("paused_by_person" if dropped else None)


async def test_a_basis_that_came_with_the_delivery_counts_for_nothing() -> None:
    """What a middleware before it claimed is replaced, or the delivery dropped."""
    plugin = make(Consent)
    claimed = delivery(basis=Basis(kind="consent", event=99))
    answer = await judged(plugin, claimed)
    assert isinstance(answer, Delivery)
    assert answer.basis == Basis(kind="consent", event=1)
    assert isinstance(await judged(plugin, claimed.replace(permissions=NOTHING)), Drop)


def test_its_settings() -> None:
    """`utility` is a list of words, nothing else is known."""
    with pytest.raises(ConfigError, match="utility"):
        make(Consent, utility="order")
    with pytest.raises(ConfigError, match="unknown key"):
        make(Consent, marketing=["always"])
