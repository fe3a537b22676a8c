"""The demo's parts: its blog, its people, and the ledger that says whether all went well."""

from __future__ import annotations

import re

import httpx
import pytest
import trio

from gateway_sandbox import world as people
from gateway_sandbox.blog import Blog
from gateway_sandbox.ledger import Ledger
from gateway_sandbox.server import Server
from gateway_sandbox.stage import Failed, heard, set_table, why_of
from gateway_sandbox.talking import Said
from gateway_sandbox.telling import BEFORE, arrival

POSTED = {"title": "T", "teaser": "Ein Satz."}


@pytest.fixture
async def blog(nursery):
    """A blog on loopback with the two posts that a demo begins with."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    found = Blog()
    found.listens(listeners[0].socket.getsockname()[1])
    nursery.start_soon(Server(found.handle, trio.current_time).serve, listeners)
    found.publish()
    found.publish()
    return found


@pytest.fixture
async def deliver(start, blog_post):
    """Start a world with its ledger; `send(contact, post)` is what the gateway would do."""
    world = await start()

    async def send(contact, post, name="blog_post"):
        to = {"to": contact} if contact.startswith("+") else {"to": None, "recipient": contact}
        body = blog_post(name=name, values=POSTED | {"link": post.link}, **to)
        answer = await world.post(body)
        assert answer.status_code == 200, answer.text

    return world, send


async def test_the_blog_has_a_feed_pages_and_pictures(blog):
    async with httpx.AsyncClient(base_url=blog.base, trust_env=False) as client:
        feed = await client.get("/feed.xml")
        same = {"If-None-Match": feed.headers["etag"]}
        assert (await client.get("/feed.xml", headers=same)).status_code == 304
        for number in range(6):
            blog.publish()
            assert (await client.get("/feed.xml", headers=same)).status_code == 200, number
        feed = (await client.get("/feed.xml")).text
        assert len(set(re.findall(r"<guid>(.*?)</guid>", feed))) == 8
        for link in re.findall(r"<guid>(.*?)</guid>", feed):
            assert link.startswith(blog.shown)
            answer = await client.get(link.removeprefix(blog.shown))
            assert answer.status_code == 200
        for picture in re.findall(r'<enclosure url="(.*?)"', feed):
            answer = await client.get(picture)
            assert answer.content.startswith(b"\x89PNG")
        assert (await client.get("/pictures/../feed.xml")).status_code in (200, 404)
        assert (await client.get("/pictures/world.py")).status_code == 404


async def test_the_phones_lie_on_the_table_with_labels_in_both_languages(start):
    world = await start()
    set_table(world.sandbox)
    found = (await world.client.get("/sandbox/phones")).json()["phones"]
    assert [phone["contact"] for phone in found] == list(people.SIDE_BY_SIDE)
    assert {phone["contact"] for phone in found} == set(people.WHO)
    for phone in found:
        assert phone["label"]["en"] == people.WHO[phone["contact"]]
        assert phone["label"]["de"]
        assert (phone["tone"] == "yes") == (phone["contact"] in people.SUBSCRIBED)


async def test_all_is_well_when_everybody_got_it_once(deliver, blog):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    post = blog.publish()
    ledger.expect(post)
    assert len(ledger.differences()) == len(people.SUBSCRIBED)
    for contact in people.SUBSCRIBED:
        await send(contact, post)
    assert ledger.differences() == []
    right, sentence = ledger.verdict()
    assert right
    assert sentence.startswith("7 messages for 7 expected: 7 posts; ")


async def test_twice_unasked_and_without_a_way_out_are_seen(deliver, blog):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    post = blog.publish()
    ledger.expect(post)
    for contact in (*people.SUBSCRIBED, people.CONFIRMED[0], people.ASKED):
        await send(contact, post)
    assert set(ledger.differences()) == {
        (people.CONFIRMED[0], post.link),
        (people.ASKED, post.link),
    }
    assert not ledger.verdict()[0]
    table = "\n".join(ledger.table())
    assert table.count("(!)") == 2
    assert "2 times (!)" in table


async def test_a_message_without_a_way_out_is_seen(deliver, blog):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    post = blog.publish()
    ledger.expect(post)
    for contact in people.SUBSCRIBED:
        await send(contact, post, "no_way_out" if contact == people.USERNAME else "blog_post")
    assert ledger.differences() == []
    assert ledger.verdict() == (
        False,
        "0 differ from what was expected, 1 without a way out",
    )


async def test_who_left_by_the_script_gets_one_goodbye_and_no_post(deliver, blog, text):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    ledger.leaves(people.LEAVING)
    assert (await ledger.act(people.LEAVING, ["goodbye"], "Stop!")).status == 200
    post = blog.publish()
    ledger.expect(post)
    for contact in set(people.SUBSCRIBED) - {people.LEAVING}:
        await send(contact, post)
    assert ledger.differences() == [(people.LEAVING, "goodbye")]
    goodbye = text(people.LEAVING, text={"body": "Du bist abgemeldet."})
    await world.post(goodbye)
    right, sentence = ledger.verdict()
    assert right
    assert sentence.startswith("7 messages for 7 expected: 6 posts, 1 goodbye; ")
    await world.post(goodbye)
    assert ledger.differences() == [(people.LEAVING, "other")]
    assert not ledger.verdict()[0]
    await send(people.LEAVING, post)
    assert (people.LEAVING, post.link) in ledger.differences()


async def test_who_wrote_gets_one_answer(deliver, blog, text):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    await ledger.act(people.TALKING, ["answer"], "Guten Morgen!")
    post = blog.publish()
    ledger.expect(post)
    for contact in people.SUBSCRIBED:
        await send(contact, post)
    assert ledger.differences() == [(people.TALKING, "answer")]
    answer = text(people.TALKING, text={"body": "Danke, deine Nachricht ist da."})
    await world.post(answer)
    assert ledger.differences() == []
    right, sentence = ledger.verdict()
    assert right
    assert sentence.startswith("8 messages for 8 expected: 7 posts, 1 answer; ")
    await world.post(answer)
    assert ledger.differences() == [(people.TALKING, "other")]
    assert not ledger.verdict()[0]


async def test_who_signs_up_is_asked_welcomed_and_gets_the_next_post(deliver, blog, text):
    """Each once, in its own form; whoever was asked and gets a welcome without a yes is seen."""
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    who = people.JOINING
    question = {
        "type": "button",
        "body": {"text": "Möchtest du das bekommen? Aufhören: STOP"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "yes:1", "title": "Ja"}}]},
    }
    card = [{"name": {"formatted_name": "Beispiel GmbH", "first_name": "Beispiel"}}]
    await ledger.act(who, ["question"], "START blog K7F3")
    assert ledger.differences() == [(who, "question")]
    await world.post(text(who, type="interactive", interactive=question))
    assert ledger.differences() == []
    await world.post(text(who, text={"body": "Danke, du bist dabei! Abmelden: STOP"}))
    assert ledger.differences() == [(who, "other")]
    ledger.joins(who)
    await ledger.act(who, ["welcome", "card"], button_reply={"title": "Ja"})
    assert ledger.differences() == [(who, "card")]
    await world.post(text(who, type="contacts", contacts=card))
    assert ledger.differences() == []
    assert [kind for _, kind in ledger.labelled()] == ["question", "welcome", "card"]
    post = blog.publish()
    ledger.expect(post)
    for contact in (*people.SUBSCRIBED, who):
        await send(contact, post)
    right, sentence = ledger.verdict()
    assert right
    assert sentence.startswith(
        "11 messages for 11 expected: 8 posts, 1 question, 1 welcome, 1 card; "
    )


@pytest.mark.parametrize("kind", ["question", "welcome"])
async def test_a_way_out_stands_in_what_leads_to_posts(deliver, blog, text, kind):
    world, _ = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    await ledger.act(people.JOINING, [kind], "START")
    question = {
        "type": "button",
        "body": {"text": "Ja?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Ja"}}]},
    }
    says = {"text": {"body": "Danke!"}}
    if kind == "question":
        says = {"type": "interactive", "interactive": question}
    await world.post(text(people.JOINING, **says))
    assert ledger.verdict() == (False, "0 differ from what was expected, 1 without a way out")


def test_a_demo_that_fails_says_why_in_one_sentence():
    group = ExceptionGroup("nursery", [ExceptionGroup("nursery", [Failed("it is late")])])
    assert why_of(group) == "it is late"
    with pytest.raises(Failed, match="answered with 500"):
        heard(Said(wamid="wamid.1", status=500, sent_at=0, answered_at=0))


@pytest.mark.parametrize("how", ["writes", "fault", "reset"])
async def test_what_somebody_does_on_the_page_is_not_judged(deliver, blog, how):
    world, send = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    yours = people.CONFIRMED[0]
    if how == "fault":
        world.sandbox.fault("undeliverable", yours)
    post = blog.publish()
    ledger.expect(post)
    for contact in people.SUBSCRIBED:
        await send(contact, post)
    if how == "writes":
        await world.sandbox.say(yours, "STOP")
    elif how == "reset":
        world.sandbox.reset()
    following = blog.publish()
    ledger.expect(following)
    for contact in set(people.SUBSCRIBED) - {yours}:
        await send(contact, following)
    assert ledger.differences() == []
    right, sentence = ledger.verdict()
    assert right
    assert "you took part" in sentence


async def test_what_somebody_does_on_the_page_is_told_and_the_script_tells_its_own(deliver, blog):
    world, send = deliver
    told: list[str] = []
    ledger = Ledger(world.sandbox, blog.posts, told.append)
    yours = people.CONFIRMED[0]
    await ledger.act(people.LEAVING, ["goodbye"], "Stop!")
    await world.sandbox.say(yours, "Was\nkostet das?")
    await send(yours, blog.publish())
    await world.sandbox.say(yours, button=("STOP", "Abmelden"))
    await world.sandbox.say(yours, button_reply={"title": "Ja"})
    await world.sandbox.say(yours, reaction={"emoji": "👍"})
    who = people.masked(yours)
    assert told == [
        f"you: {who} writes “Was kostet das?”, answered with 200",
        f"you: {who} taps “Abmelden”, answered with 200",
        f"you: {who} taps “Ja”, answered with 200",
        f"you: {who} sends: reaction, answered with 200",
    ]


async def test_the_table_shows_as_many_of_the_newest_posts_as_fit(deliver, blog):
    world, _ = deliver
    ledger = Ledger(world.sandbox, blog.posts)
    for _post in range(9):
        blog.publish()
    for wide, newest in ((80, ["7", "8", "9"]), (140, [str(n) for n in range(1, 10)])):
        lines = [line for whole in ledger.table(wide) for line in whole.splitlines()]
        heads = next(line for line in lines if "consent" in line)
        assert re.findall(r"post (\d+)", heads) == newest
        assert max(map(len, lines)) <= wide


async def test_the_page_says_who_left_and_who_came(start):
    """By the word or by the button; whoever says something else stays as introduced."""
    world = await start()
    set_table(world.sandbox)
    Ledger(world.sandbox, [])
    writer, tapper, talker = people.CONFIRMED[:3]
    await world.sandbox.say(writer, "Stop!")
    await world.sandbox.say(tapper, button=("STOP", "Abmelden"))
    await world.sandbox.say(talker, "Ja")
    await world.sandbox.say(people.JOINING, button_reply={"title": "Ja"})
    await world.sandbox.say(people.ASKED, button_reply={"title": "Nein"})
    shown = {phone.contact: phone for phone in world.sandbox.chats.introduced.values()}
    assert [shown[one].tone for one in (writer, tapper, talker)] == ["no", "no", "yes"]
    assert shown[writer].label == {"en": "wrote STOP", "de": "schrieb STOP"}
    assert shown[talker].label["en"] == "confirmed"
    assert shown[people.JOINING].tone == "yes"
    assert shown[people.JOINING].label["en"] == "signed up, said yes"
    assert shown[people.ASKED].tone == "wait"


async def test_what_arrives_is_told_in_one_line_that_fits(deliver, blog, text):
    world, send = deliver
    post = blog.publish()
    await send(people.CONFIRMED[0], post)
    await world.sandbox.say(people.TALKING, "Guten Morgen!")
    await world.post(text(people.TALKING, text={"body": "Danke! " + "Ein Mensch liest. " * 9}))
    template, answer = world.sandbox.received()
    for wide, fits in ((80, False), (140, True)):
        told = arrival(template, "post", post, wide)
        assert (f"“{post.title}”" in told) is fits
        assert "template, footer “" in told
        told = arrival(answer, "answer", None, wide)
        assert wide - 3 < len(told) + BEFORE <= wide  # no blank before the dots
        assert "answer “Danke! Ein Mensch liest." in told
        assert told.endswith("…”")
