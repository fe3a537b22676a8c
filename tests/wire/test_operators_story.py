"""What an operator types and reads, from a quiet evening to a refused token; and what everybody's
phones look like meanwhile.  Sandbox and gateway are processes, the terminal is a real one.

    PICTURES=docs/images make test TESTS=tests/wire/test_operators_story.py

makes the pictures of status and trace in the README anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import trio

from gateway_sandbox.visitor import sign_up
from tests.needs import need
from tests.sandbox.browser import chromium
from tests.wire.terminal import Typed, take, type_in
from tests.wire.world import World, feed, numbers, query

EDITOR, VISITOR = "+491713920001", "+491713920033"
PEOPLE = 240
MORE = """
frequency = "höchstens dreimal pro Woche"
[people]
redaktion = "{editor}"
[cost]
rates     = "rates.toml"
per_month = 500
[middleware.approval]
ask = ["redaktion"]
[middleware.ratelimit]
per_second = 8
expires    = "12h"
[middleware.footer]
text = "Abmelden: antworte STOP"
[inputs.website]
plugin      = "forms"
topics      = ["blog"]
wa_me       = "http://127.0.0.1:{sandbox}/wa.me"
number      = "+49 171 3920099"
min_seconds = "0s"
[inputs.blog]
plugin  = "rss"
url     = "{site}/feed.xml"
topic   = "blog"
every   = "1s"
private = true
"""
RATES = """
currency = "EUR"
date     = 2025-07-01
source   = "of this test"
[marketing]
DE = 0.1131
"""
CHAIN = ("consent", "filter", "approval", "ratelimit", "footer")
READ, DROPPED = 9, 11
"""States of deliveries (docs/images/states.svg)."""
POSTS = ("Neun Fragen zur Wärmepumpe", "Förderung ab Januar")


@pytest.mark.timeout(240)
async def test_an_evening_and_a_night(world: World, tmp_path: Path) -> None:
    program = need("chromium")
    world.extra["TZ"] = "Europe/Berlin"
    await trio.to_thread.run_sync(_start, world)
    await _signs_up(world)
    last = numbers(PEOPLE)[-1]

    def first_half() -> tuple[int, Typed, Typed]:
        world.run("backup", str(tmp_path / "gateway.backup"))
        _publish(world, POSTS[0])
        first = _held(world, 0)
        world.until(lambda: _came(world, EDITOR) >= 2, "preview and card")
        _tap(world, EDITOR, "Senden")
        world.until(lambda: _ended(world, first) > PEOPLE // 6, "a sixth is through")
        world.say(last, "Stop. Danke")
        _publish(world, *POSTS)
        _held(world, first)
        world.until(lambda: _came(world, EDITOR) >= 4, "its preview and card")
        evening = type_in(world, "gateway status", "status")
        world.ask("POST", "/sandbox/faults", {"fault": "token_expired"})
        world.until(lambda: bool(world.data("status")["stops"]), "the refused token is noticed")
        return first, evening, type_in(world, "gateway status", "status")

    first, evening, night = await trio.to_thread.run_sync(first_half)
    assert evening.status == 0, evening.text
    assert "yes. Nothing needs you." in evening.text
    assert f"now #{first} “{POSTS[0]}”" in evening.text, evening.text
    assert f"“{POSTS[1]}”" in evening.text.partition("waiting ")[2], evening.text
    assert " of 500.00 EUR since " in evening.text
    assert "template blog_post approved" in evening.text
    assert "sent twice 0 · unknown 0 · backup " in evening.text
    assert night.status == 2, night.text
    assert "NO since" in night.text
    assert "STOPs still count" in night.text
    assert "gateway sender probe main" in night.text

    def second_half() -> tuple[Typed, Typed]:
        world.ask("DELETE", "/sandbox/faults")
        world.run("sender", "probe", "main")
        everybody = PEOPLE + 1
        world.until(lambda: _ended(world, first) == everybody, "all of it is through", 90)
        said = f"gateway trace {first}"
        return (
            type_in(world, f'{said} "{_spaced(VISITOR)}"', "trace", str(first), VISITOR),
            type_in(world, f'{said} "{_spaced(last)}"', "trace", str(first), last),
        )

    read, stopped = await trio.to_thread.run_sync(second_half)
    assert (read.status, stopped.status) == (0, 0)
    assert read.text.startswith("READ")
    assert "wrote “START blog" in read.text
    assert stopped.text.startswith("NOT SENT")
    assert "“Stop. Danke”" in stopped.text
    assert "approved by redaktion" in read.text

    if os.environ.get("PICTURES"):
        async with chromium(program, tmp_path / "profile", "de-DE") as tab:
            await take(tab, tmp_path, "status", evening, night)
            await take(tab, tmp_path, "trace", read, stopped)


def _start(world: World) -> None:
    world.write_settings(
        MORE.format(editor=EDITOR, sandbox=world.sandbox_port, site=world.site.url), CHAIN
    )
    (world.folder / "rates.toml").write_text(RATES, encoding="utf-8")
    _publish(world)
    world.start_sandbox("--delays", "0.05,0.1,0.4", "--name", "Beispiel GmbH")
    world.import_contacts(numbers(PEOPLE))
    world.start_gateway()
    world.until(lambda: world.site.fetches.get("/feed.xml", 0) >= 2, "the feed")
    world.say(EDITOR, "Hallo")  # editors write first too


def _publish(world: World, *titles: str) -> None:
    """The blog's feed, newest first; one post was there before."""
    posts = [(f"post-{i}", title) for i, title in enumerate(("Alt", *titles))]
    world.site.documents["/feed.xml"] = feed(posts[::-1])


async def _signs_up(world: World) -> None:
    offered = await sign_up(f"http://127.0.0.1:{world.public}/in/website/")

    def confirms() -> None:
        world.say(VISITOR, offered.text)
        world.until(lambda: _came(world, VISITOR) >= 1, "the question")
        _tap(world, VISITOR, "Ja")
        world.until(lambda: _came(world, VISITOR) >= 2, "the welcome")

    await trio.to_thread.run_sync(confirms)


def _came(world: World, phone: str) -> int:
    return sum(one["contact"] == phone for one in world.received())


def _tap(world: World, phone: str, caption: str) -> None:
    tapped = {"button_reply": {"title": caption}}
    assert world.ask("POST", f"/sandbox/phones/{phone}/say", tapped)[0] == 200


def _held(world: World, after: int) -> int:
    """Wait until a post behind that number waits for its yes; returns its own."""
    held = (
        f"SELECT number FROM messages WHERE input = 'blog' AND state = 'held' AND number > {after}"
    )
    world.until(lambda: bool(query(world, held)), "the post waits for its yes")
    return int(query(world, held)[0][0])


def _ended(world: World, number: int) -> int:
    """How many people read a message, or do not get it."""
    ((ended,),) = query(
        world,
        "SELECT count(*) FROM deliveries d JOIN messages m ON m.id = d.message_id"
        f" WHERE m.number = {number} AND d.state IN ({READ}, {DROPPED})",
    )
    return int(ended)


def _spaced(phone: str) -> str:
    """`+491713920033` → `+49 171 3920033`, as people write it."""
    return f"{phone[:3]} {phone[3:6]} {phone[6:]}"
