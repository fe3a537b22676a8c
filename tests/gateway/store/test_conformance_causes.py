"""What the store knows of templates and windows, for what a provider says of them."""

from __future__ import annotations

from gateway.message import Template, Text
from gateway.store.causes import TEMPLATE_PAUSED, Sent
from gateway.store.protocol import Store
from tests.gateway.store.house import HOUR, House

POST = Template(name="post", language="de", body="{{t}}", parameters={"t": "x"})
DAY = 24 * HOUR


async def pause(house: House, name: str = "post", code: str = TEMPLATE_PAUSED) -> int | None:
    return await house.store.pause_template("wa", name, "de", code, "why", at=house.at(), limit=100)


async def test_what_a_delivery_was_made_of(house: House, store: Store) -> None:
    """Its message and its template, whatever form went; nothing of one that is not known."""
    await house.confirmed(1)
    by_template = await house.started(forms=(POST, Text(body="x")))
    first = await house.leased()
    await house.settle(first)
    await house.give_back(first)
    by_text = await house.started(forms=(Text(body="x"),), sender="wb")
    (second,) = await house.lease(sender="wb", windows=False)
    found = await store.sent_as([first.id, 1, second.id])
    assert found == [
        Sent(first.id, by_template.id, "post", "de"),
        Sent(second.id, by_text.id),
    ]


async def test_a_page_says_where_to_go_on(house: House, store: Store) -> None:
    """Every message is looked at once, in pages of one."""
    await house.confirmed(1)
    messages = [await house.started(forms=(POST,)) for _ in range(3)]
    pages, after = 0, 0
    while after is not None:
        after = await store.pause_template(
            "wa", "post", "", TEMPLATE_PAUSED, "why", at=house.at(), after=after, limit=1
        )
        pages += 1
        assert pages < 10
    rows = [await store.report("message", id=message.id) for message in messages]
    assert [row["pause_code"] for row in rows] == [TEMPLATE_PAUSED] * 3
    assert await store.waiting_for_templates() == {"wa"}
    assert await store.resume_template("wa", "post", "", at=house.at(), limit=100) is None
    assert await store.waiting_for_templates() == set()


async def test_it_stands_in_the_journal(house: House, store: Store) -> None:
    await house.confirmed(1)
    message = await house.started(forms=(POST,))
    await pause(house)
    await pause(house)
    await store.resume_template("wa", "post", "de", at=house.at(), limit=100)
    row = await store.report("message", id=message.id)
    names = [line["name"] for line in row["journal"] if line["name"].startswith("message.")]
    assert names[-2:] == ["message.pause", "message.resume"]
    assert names.count("message.pause") == 1


async def test_a_window_that_was_open_then_is_closed(house: House, store: Store) -> None:
    """Of that sender and person; one that the person opened afterwards stays."""
    first, second = await house.confirmed(2)
    await house.says(1, "hello")
    await house.says(2, "hello")
    await house.started()
    (delivery,) = [one for one in await house.lease() if one.contact == first]
    closed_at = house.at()
    await store.close_windows("other", [delivery.id], at=closed_at)
    assert set(await windows(store, first)) == {"wa"}
    await store.close_windows("wa", [delivery.id, 1], at=closed_at)
    assert (await windows(store, first))["wa"] <= closed_at
    assert (await windows(store, second))["wa"] > closed_at
    house.now += HOUR
    await house.says(1, "hello again")
    await store.close_windows("wa", [delivery.id], at=closed_at)  # told once more, late
    assert (await windows(store, first))["wa"] == house.now + DAY


async def windows(store: Store, contact: int) -> dict[str, int]:
    """Sender → until when its window is open."""
    known = await store.report("contact", id=contact)
    return {window["sender"]: window["until"] for window in known["windows"]}
