"""The whole way of one person, in a browser: form, Send, yes, welcome, a post that the editor let
go, STOP, silence.  Sandbox and gateway are processes; `PICTURES=DIR` keeps what was seen."""

from __future__ import annotations

import html
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.ids import read as read_id
from gateway.keys import Keys
from gateway.links import SignedLinks
from tests.needs import need
from tests.sandbox.browser import Tab, chromium
from tests.wire.world import World, feed, query

VISITOR, EDITOR = "+491713920011", "+491713920001"
NUMBER = "+49 171 3920099"
MORE = """
frequency = "höchstens dreimal pro Woche"
[people]
redaktion = "{editor}"
[middleware.approval]
ask = ["redaktion"]
[inputs.website]
plugin = "forms"
topics = ["blog"]
wa_me  = "http://127.0.0.1:{sandbox}/wa.me"
number = "{number}"
min_seconds = "0s"
[inputs.blog]
plugin  = "rss"
url     = "{site}/feed.xml"
topic   = "blog"
every   = "1s"
private = true
"""
CHAIN = ("consent", "filter", "approval", "ratelimit", "footer")


class Phones:
    """The page of phones in a browser."""

    def __init__(self, tab: Tab, world: World) -> None:
        self.tab = tab
        self.url = f"http://127.0.0.1:{world.sandbox_port}"

    async def texts(self, phone: str) -> list[str]:
        """What stands in the bubbles of a phone."""
        return list(
            await self.tab.evaluate(
                f"[...document.querySelectorAll({_on(phone, '.text')})].map((one) => one.textContent)"
            )
        )

    async def until_says(self, phone: str, words: str) -> None:
        """Wait until a bubble of a phone holds these words."""
        await self.tab.until(
            f"[...document.querySelectorAll({_on(phone, '.text')})]"
            f".some((one) => one.textContent.includes({json.dumps(words)}))",
            20,
        )

    async def press(self, phone: str, caption: str, at: int = 1) -> None:
        """Press the button with that caption that came `at` so many."""
        await self.tab.until(
            f"(() => {{ const all = [...document.querySelectorAll({_on(phone, '.press')})]"
            f".filter((one) => one.textContent.trim() === {json.dumps(caption)});"
            f" if (all.length < {at}) return false; all[{at} - 1].click(); return true; }})()",
            20,
        )


def _on(phone: str, selector: str) -> str:
    return json.dumps(f'.phone[data-contact="{phone}"] {selector}')


@pytest.mark.timeout(240)
async def test_one_person_from_the_form_to_the_end(world: World, tmp_path: Path) -> None:
    program = need("chromium")
    world.write_settings(
        MORE.format(editor=EDITOR, sandbox=world.sandbox_port, number=NUMBER, site=world.site.url),
        CHAIN,
    )
    world.site.documents["/feed.xml"] = feed([("1", "Alt")])
    await _in_thread(world.start_sandbox, "--delays", "0.05,0.1,0.2")
    await _in_thread(world.start_gateway)
    await _in_thread(world.until, lambda: world.site.fetches.get("/feed.xml", 0) >= 2, "the feed")
    await _in_thread(world.say, EDITOR, "Hallo")  # editors write first too
    public = f"http://127.0.0.1:{world.public}"
    async with chromium(program, tmp_path / "profile", "de-DE") as tab:
        phones = Phones(tab, world)
        seen = partial(_picture, tab)
        # The form: nothing is ticked, nothing asks for a number.
        await tab.open(f"{public}/in/website/?lang=de", 390, 844)
        await tab.until("document.querySelector('button')")
        assert not await tab.evaluate("document.querySelector('[type=checkbox]').checked")
        assert not await tab.evaluate("Boolean(document.querySelector('[type=tel]'))")
        await seen("form")
        await tab.click("[type=checkbox]")
        await tab.click("button")
        link = html.unescape(
            str(await tab.until("document.querySelector('a[href*=\"/wa.me/\"]')?.href", 10))
        )
        await seen("send")
        assert "START" in link
        assert await _asked(world, VISITOR) == 0
        # The person presses Send on the own phone, is asked, and says yes.
        await tab.open(f"{link}&phone={VISITOR.replace('+', '%2B')}", 1400, 900)
        await tab.until(
            f"document.querySelector({_on(VISITOR, '.compose input[type=text]')})?.value", 10
        )
        await tab.click(f'.phone[data-contact="{VISITOR}"] .go')
        await tab.until(f"document.querySelector({_on(VISITOR, '.press')})", 20)
        await seen("question")
        assert _state(world) == "requested"
        await phones.press(VISITOR, "Ja")
        await phones.until_says(VISITOR, "PAUSE")
        await seen("welcome")
        assert _state(world) == "confirmed"
        # A post comes; the editor gets it first, with a card, and lets it go.
        world.site.documents["/feed.xml"] = feed([("2", "Neun Fragen"), ("1", "Alt")])
        await phones.until_says(EDITOR, "Neun Fragen")
        await seen("editor")
        assert not any("Neun Fragen" in text for text in await phones.texts(VISITOR))
        await phones.press(EDITOR, "Senden")
        await phones.until_says(VISITOR, "Neun Fragen")
        await seen("post")
        # STOP: one confirmation, and the next post does not come.
        await tab.click(f'.phone[data-contact="{VISITOR}"] .compose input[type=text]')
        await tab.write("Stop. Danke")
        await tab.until(
            f"document.querySelectorAll({_on(VISITOR, '.theirs[data-id]')}).length >= 5", 20
        )
        await seen("stopped")
        assert _state(world) == "withdrawn"
        before = await phones.texts(VISITOR)
        world.site.documents["/feed.xml"] = feed(
            [("3", "Zehn Fragen"), ("2", "Neun Fragen"), ("1", "Alt")]
        )
        await phones.until_says(EDITOR, "Zehn Fragen")
        await phones.press(EDITOR, "Senden", 2)
        await _in_thread(
            world.until,
            lambda: query(world, "SELECT count(*) FROM messages WHERE state = 'started'"
                          " AND kind = 'marketing'")[0][0] == 2,
            "the next post goes out to whoever is left",
        )  # fmt: skip
        await trio.sleep(1.0)
        assert await phones.texts(VISITOR) == before
        # The page behind the personal link: looking changes nothing.
        contact = _contact(world)
        token = SignedLinks(Keys(tmp_path / "keys").secret("links")).token("withdraw", contact)
        await tab.open(f"{public}/in/website/w/{token}?lang=de", 390, 844)
        await tab.until("document.querySelector('main, body')")
        await seen("withdrawn")
        assert tab.problems == []
    await _the_story_is_told(world, tmp_path)


async def _the_story_is_told(world: World, folder: Path) -> None:
    """`trace` and the proof tell all of it, and the proof holds on another machine."""
    number = query(world, "SELECT number FROM messages WHERE kind = 'marketing' ORDER BY number")
    told = (await _in_thread(world.run, "trace", str(number[0][0]), VISITOR)).stdout
    for words in ("form website", "START blog", "Ja", "approved by redaktion", "STOP"):
        assert words.lower() in told.lower(), f"{words!r} is not in\n{told}"
    print(told)
    proof = folder / "proof.json"
    await _in_thread(world.run, "consent", "proof", VISITOR, "--out", str(proof))
    bundle = proof.read_text(encoding="utf-8")
    for words in ("Stop. Danke", "Neun Fragen", "höchstens dreimal pro Woche"):
        assert words in bundle
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "proof.json").write_text(bundle, encoding="utf-8")
    done = await trio.run_process(
        [sys.executable, "-m", "gateway", "consent", "verify", "proof.json"],
        cwd=elsewhere,
        env={k: v for k, v in os.environ.items() if k != "GATEWAY_CONFIG"},
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    print(done.stdout.decode())


async def _picture(tab: Tab, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if folder:
        await tab.screenshot(Path(folder) / f"{name}.png")


async def _asked(world: World, phone: str) -> int:
    lines = await _in_thread(world.received)
    return sum(line["contact"] == phone for line in lines)


def _state(world: World) -> Any:
    rows = query(world, "SELECT state FROM consents WHERE topic = 'blog'")
    return rows[-1][0] if rows else None


def _contact(world: World) -> int:
    shown = world.data("contacts", "show", VISITOR)
    contact = shown["id"] if isinstance(shown["id"], int) else read_id("c", shown["id"])
    assert contact is not None
    return int(contact)


async def _in_thread(call: Any, *arguments: Any) -> Any:
    return await trio.to_thread.run_sync(partial(call, *arguments))
