"""What no time of retention takes: proofs of what once was agreed, and what a held person got."""

from __future__ import annotations

import pytest

from gateway.store.protocol import Store
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, House
from tests.gateway.store.test_retention import purge, sent


@pytest.mark.parametrize("before", ["confirmed", "imported", "withdrawn", "refused"])
async def test_who_ever_decided_stays(house: House, store: Store, before: str) -> None:
    """A request that nobody answered takes away neither the proof of the consent before it, nor
    the no that a list must not get around."""
    await house.tell(1, "requested")
    house.later()
    await house.tell(1, before)
    house.later()
    await house.tell(1, "withdrawn")
    house.later()
    await house.tell(1, "requested")
    house.now += HOUR
    await store.expire_requests(asked_before=house.at(), at=house.at(), limit=9)
    assert await house.consent_of(await house.contact(1)) == "expired"
    house.now += HOUR
    await purge(house, "conversation", before=house.at())
    assert await purge(house, "unconfirmed", before=house.at()) == 0
    await house.tell(1, "imported")
    assert await house.consent_of(await house.contact(1)) == "expired"


async def test_the_words_sent_to_a_held_contact_stay(house: House, engine: Sqlite) -> None:
    """And nothing else; once the hold is lifted they go too."""
    await house.confirmed(2)
    await sent(house)
    await house.store.hold(await house.contact(2), reason="x", at=house.at())
    assert await purge(house, "contents", before=house.at() + HOUR) == 0
    assert engine.sql("SELECT count(*) FROM contents") == [(1,)]
    await house.store.hold(await house.contact(2), reason="", at=house.at())
    assert await purge(house, "contents", before=house.at() + HOUR) == 1
