"""The whole way of one person, in a browser: form, Send, yes, welcome, a post that the editor let
go, a question and its answer, STOP, silence.  Sandbox and gateway are processes.

    PICTURES=docs/images make test TESTS=tests/wire/test_people_story.py

makes the pictures of docs/subscribers.md and of the README anew."""

from __future__ import annotations

import html
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.ids import read as read_id
from gateway.keys import Keys
from gateway.links import SignedLinks
from tests.gateway.smtp import SmtpServer, smtp
from tests.needs import need
from tests.sandbox.browser import chromium
from tests.wire.camera import Camera
from tests.wire.phones import SIZE, Phones, on
from tests.wire.world import World, feed, numbers, query

VISITOR, EDITOR = "+491713920011", "+491713920001"
READER = "+491713920012"
"""Subscribed long ago, together with some others, and does not write before there is a question."""
OTHERS = 10
NUMBER = "+49 171 3920099"
OUTSIDE = "https://wa.blog.example"
COMPANY = """
imprint = "https://blog.example/impressum"
privacy = "https://blog.example/datenschutz"
mail    = "redaktion@blog.example"
"""
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
[observers.signup]
withdraw_page = "website"
[observers.forward]
[mail]
host = "localhost"
port = {mail}
security = "none"
"""
NINE, TEN = "Neun Fragen", "Zehn Fragen"
ABOUT = "Was kostet eine Wärmepumpe, wie laut ist sie, und lohnt sie sich im Altbau?"
QUESTION, ANSWER = "Habt ihr am Samstag offen?", "Ja, samstags von 10 bis 14 Uhr."
CHAIN = ("consent", "filter", "approval", "ratelimit", "footer")


@pytest.mark.timeout(240)
async def test_one_person_from_the_form_to_the_end(world: World, tmp_path: Path) -> None:
    program = need("chromium")
    with smtp() as mail:
        await _in_thread(_start, world, mail.port)
        async with chromium(program, tmp_path / "profile", "de-DE") as tab:
            phones, camera = Phones(tab, world), Camera(tab)
            await _signs_up(world, phones, camera)
            await _looks_at_the_own_page(world, phones, camera)
            await _gets_a_post(world, phones, camera)
            await _asks(world, phones, camera, mail)
            await _stops(world, phones, camera)
            assert tab.problems == []
    await _the_story_is_told(world, tmp_path)


def _start(world: World, mail_port: int) -> None:
    world.write_settings(
        MORE.format(
            editor=EDITOR, sandbox=world.sandbox_port, number=NUMBER, site=world.site.url,
            mail=mail_port,
        ),
        CHAIN,
    )  # fmt: skip
    settings = world.config.read_text(encoding="utf-8")
    settings = settings.replace("[server]", f'{COMPANY}[server]\npublic_url = "{OUTSIDE}"')
    world.config.write_text(settings, encoding="utf-8")
    world.site.documents["/feed.xml"] = _blog("Alt")
    world.start_sandbox("--delays", "0.05,0.1,0.2", "--name", "Beispiel GmbH")
    for phone, who in ((EDITOR, "Redaktion"), (VISITOR, "neu"), (READER, "abonniert")):
        world.ask("POST", "/sandbox/phones", {"phone": phone, "label": {"de": who}})
    world.import_contacts([READER, *numbers(OTHERS)])
    world.start_gateway()
    world.until(lambda: world.site.fetches.get("/feed.xml", 0) >= 2, "the feed")
    world.say(EDITOR, "Hallo")  # editors write first too


def _blog(*titles: str) -> bytes:
    """The blog's feed, newest first."""
    posts = feed([(re.sub(r"\W+", "-", title.lower()), title) for title in titles])
    return posts.replace(f"Über {NINE}. ".encode(), ABOUT.encode())


async def _signs_up(world: World, phones: Phones, camera: Camera) -> None:
    """Form, Send, question, yes, welcome: nothing is ticked, nothing asks for a number."""
    tab = phones.tab
    await tab.open(f"{phones.public}/in/website/?lang=de", 390, 844)
    await tab.command("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
    await tab.until("document.querySelector('button')")
    assert not await tab.evaluate("document.querySelector('[type=checkbox]').checked")
    assert not await tab.evaluate("Boolean(document.querySelector('[type=tel]'))")
    await camera.page("form")
    await tab.click("[type=checkbox]")
    await tab.click("button")
    link = html.unescape(
        str(await tab.until("document.querySelector('a[href*=\"/wa.me/\"]')?.href", 10))
    )
    await camera.page("send")
    assert "START" in link
    assert await _asked(world, VISITOR) == 0
    # The person presses Send on the own phone, is asked, and says yes.
    await tab.open(f"{link}&phone={VISITOR.replace('+', '%2B')}", *SIZE)
    await tab.until(
        f"document.querySelector({on(VISITOR, '.compose input[type=text]')})?.value", 10
    )
    await tab.click(f'.phone[data-contact="{VISITOR}"] .go')
    await tab.until(f"document.querySelector({on(VISITOR, '.press')})", 20)
    await phones.until_read(VISITOR)
    await camera.phone("question", VISITOR)
    assert _state(world) == "requested"
    await phones.press(VISITOR, "Ja")
    await phones.until_says(VISITOR, "PAUSE")
    await tab.until(f"document.querySelector({on(VISITOR, '.contact')})", 20)
    await phones.until_read(VISITOR)
    await camera.phone("welcome", VISITOR)
    assert _state(world) == "confirmed"


async def _looks_at_the_own_page(world: World, phones: Phones, camera: Camera) -> None:
    """The link of the welcome: looking changes nothing."""
    (path,) = {
        found[1]
        for text in await phones.texts(VISITOR)
        if (found := re.search(rf"{OUTSIDE}(/in/website/w/\S+)", text))
    }
    await phones.tab.open(f"{phones.public}{path}", 390, 844)
    await phones.tab.until("document.querySelector('.rows button')")
    await camera.page("own-page")
    assert _state(world) == "confirmed"


async def _gets_a_post(world: World, phones: Phones, camera: Camera) -> None:
    """A post comes; the editor gets it first, with a card, and lets it go."""
    await phones.open()
    world.site.documents["/feed.xml"] = _blog(NINE, "Alt")
    await phones.until_says(EDITOR, "Soll das raus?")
    await phones.until_read(EDITOR)
    await camera.phone("editor", EDITOR)
    assert not any(NINE in text for text in await phones.texts(VISITOR))
    await phones.press(EDITOR, "Senden")
    await phones.until_says(VISITOR, NINE)
    await phones.until_says(READER, NINE)
    await phones.until_read(READER)
    await phones.until_read(EDITOR)
    await camera.phone("post", READER)
    await camera.phones("editor-and-subscriber", EDITOR, f"Neuer Beitrag: {NINE}", READER)


async def _asks(world: World, phones: Phones, camera: Camera, mail: SmtpServer) -> None:
    """A question goes out by mail, and its answer comes back from the page that the mail links."""
    tab = phones.tab
    await phones.write(READER, QUESTION)
    await phones.until_says(READER, "Ein Mensch liest sie")
    await _in_thread(world.until, lambda: mail.mails, "the mail with the question")
    part = mail.mails[0].get_body(("plain",))
    found = re.search(rf"{OUTSIDE}(/on/forward/answer/\S+)", part.get_content() if part else "")
    assert found
    await tab.open(f"{phones.public}{found[1]}", 390, 844)
    await tab.click("textarea")
    await tab.command("Input.insertText", text=ANSWER)
    await camera.page("answer")
    await tab.click("[value=send]")
    await tab.until("document.querySelector('.done')", 10)
    await phones.open()
    await phones.until_says(READER, ANSWER)
    await phones.until_read(READER)
    await camera.phone("answered", READER)


async def _stops(world: World, phones: Phones, camera: Camera) -> None:
    """STOP: one confirmation, and the next post does not come."""
    await phones.write(VISITOR, "Stop. Danke")
    await phones.until_says(VISITOR, "Du bist abgemeldet")
    await phones.until_read(VISITOR)
    await camera.phone("stopped", VISITOR)
    assert _state(world) == "withdrawn"
    before = await phones.texts(VISITOR)
    world.site.documents["/feed.xml"] = _blog(TEN, NINE, "Alt")
    await phones.until_says(EDITOR, TEN)
    await phones.press(EDITOR, "Senden", 2)
    await _in_thread(
        world.until,
        lambda: query(world, "SELECT count(*) FROM messages WHERE state = 'started'"
                      " AND kind = 'marketing'")[0][0] == 2,
        "the next post goes out to whoever is left",
    )  # fmt: skip
    await trio.sleep(1.0)
    assert await phones.texts(VISITOR) == before
    # The page behind the personal link, made by the keys on disk.
    keys = SignedLinks(Keys(world.folder / "keys").secret("links"))
    token = keys.token("withdraw", _contact(world))
    await phones.tab.open(f"{phones.public}/in/website/w/{token}?lang=de", 390, 844)
    await phones.tab.until("document.querySelector('main')")
    assert "keine Nachrichten" in await phones.tab.evaluate("document.body.textContent")
    await camera.page("withdrawn")


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


async def _asked(world: World, phone: str) -> int:
    lines = await _in_thread(world.received)
    return sum(line["contact"] == phone for line in lines)


def _state(world: World) -> Any:
    """The consent of the visitor to the blog."""
    rows = query(
        world,
        "SELECT state FROM consents JOIN identities USING (contact_id)"
        f" WHERE topic = 'blog' AND value = '{VISITOR}'",
    )
    return rows[0][0] if rows else None


def _contact(world: World) -> int:
    shown = world.data("contacts", "show", VISITOR)
    contact = shown["id"] if isinstance(shown["id"], int) else read_id("c", shown["id"])
    assert contact is not None
    return int(contact)


async def _in_thread(call: Any, *arguments: Any) -> Any:
    return await trio.to_thread.run_sync(partial(call, *arguments))
