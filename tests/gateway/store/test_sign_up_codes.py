"""A sign-up's code stands for one sign-up: nobody's START may bind what another visitor saw."""

from __future__ import annotations

import pytest

from gateway.errors import CodeTaken
from gateway.inbound import Act
from gateway.store.protocol import Store, moment
from tests.gateway.store.house import House
from tests.gateway.store.test_acts import TERMS, sign_up


async def test_a_code_that_is_taken_is_refused_and_nothing_is_kept(
    house: House, store: Store
) -> None:
    """What came in the same call is not kept either, so the caller tries again with another."""
    await store.accept("form", [], at=house.at(), sign_ups=[sign_up(house)])
    other = sign_up(house, source="form other", expires_at=moment(house.now))
    with pytest.raises(CodeTaken):
        await store.accept("form", [], at=house.at(), sign_ups=[other], state={"today": b"2"})
    assert await store.get_state("form", "today") is None
    await store.accept(
        "form", [], at=house.at(), sign_ups=[other.replace(code="K7F4")], state={"today": b"2"}
    )
    assert await store.get_state("form", "today") == b"2"


async def test_a_links_code_is_made_again_and_again(house: House, store: Store) -> None:
    """`gateway link` keeps the same one each time; the first stays as it is."""
    for source in ("link of a flyer", "link of somebody else"):
        link = sign_up(house, source=source, reusable=True)
        await store.accept("link", [], at=house.at(), sign_ups=[link])
    await house.says(1, "START K7F3", act=Act(kind="start", code="K7F3"), terms=TERMS)
    (event,) = (await store.report("contact", id=await house.contact(1)))["events"]
    assert event["source"] == "link of a flyer"
