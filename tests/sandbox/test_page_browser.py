"""The page in a real browser: what arrives is seen, what is tapped is told, text stays text."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from urllib.parse import urlencode

import trio

from tests.needs import need
from tests.sandbox.browser import chromium

PHONE, OTHER = "+491713920001", "+491713920002"
EVIL = "<img src=x onerror=\"document.body.dataset.hacked='yes'\">"
HERE = f'.phone[data-contact="{PHONE}"]'
TEXTS = f"[...document.querySelectorAll('{HERE} .text')].map((one) => one.textContent)"


@asynccontextmanager
async def looking(world, tmp_path, phones=(PHONE,), **size):
    """A browser that looks at the sandbox's page; afterwards it had nothing to complain about."""
    program = need("chromium")
    for phone in phones:
        world.sandbox.chats.introduce(phone, {"en": "confirmed", "de": "bestätigt"}, "yes")
    with trio.fail_after(25):
        async with chromium(program, tmp_path / "profile") as tab:
            await tab.open(f"{world.sandbox.url}/", **size)
            await tab.until("document.querySelector('.link.on')", 10)
            yield tab
            assert tab.problems == []
            assert {url for url in tab.requested if not url.startswith(world.sandbox.url)} <= {
                "about:blank"
            }
            assert await tab.evaluate("document.body.dataset.hacked ?? 'no'") == "no"


def interactive(text, kind, action, **members):
    return text(
        PHONE,
        type="interactive",
        text=None,
        interactive={"type": kind, "body": {"text": "Was nun?"}, "action": action, **members},
    )


async def test_a_post_arrives_and_the_person_taps_and_writes(start, blog_post, tmp_path):
    world = await start(delays=(0.1, 0.4, 0.7), verified_name="Beispiel GmbH")
    async with looking(world, tmp_path) as tab:
        sent = blog_post(PHONE, name="blog_post_image", values={"title": EVIL}, header=None)
        sent["template"]["components"] += [
            {
                "type": "header",
                "parameters": [{"type": "image", "image": {"link": "https://cdn.example/1.jpg"}}],
            },
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "0",
                "parameters": [{"type": "payload", "payload": "STOP"}],
            },
        ]
        assert (await world.post(sent)).status_code == 200
        await tab.until(f"document.querySelector('{HERE} .status.accepted')")
        for name in ("sent", "delivered", "read"):
            await tab.until(f"document.querySelector('{HERE} .status.{name}')")
        assert EVIL in (await tab.evaluate(TEXTS))[0]
        await tab.until("document.querySelectorAll('.posts li').length === 3")

        await tab.click(f"{HERE} .press")
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 1")
        (tapped,) = world.receiver.messages
        assert tapped["button"] == {"payload": "STOP", "text": "Abmelden"}
        assert tapped["context"]["id"] == world.sandbox.received()[0].wamid

        await tab.click(f"{HERE} .compose input[type=text]")
        await tab.write(EVIL)
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 2")
        assert world.receiver.messages[-1]["text"]["body"] == EVIL
        assert (await tab.evaluate(TEXTS))[-1] == EVIL

        await tab.click(f"{HERE} .quick .stop")
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 3")
        assert world.receiver.messages[-1]["text"]["body"] == "STOP"

        await tab.until("document.querySelector('.posts li:nth-child(1) .kind.text')")
        await tab.click(".posts li:nth-child(1) button")
        shown = await tab.until("document.querySelector('.detail pre')?.textContent")
        assert json.loads(shown)["entry"][0]["changes"][0]["value"]["messages"][0]["id"]


async def test_the_day_stands_once_above_its_messages(start, text, tmp_path):
    """Also if the page drew what the person wrote before the sandbox told of it, and dated it
    later."""
    world = await start()
    async with looking(world, tmp_path) as tab:
        await tab.evaluate("{ const now = Date.now; Date.now = () => now() + 900; }")
        for n, words in enumerate(("Hallo", "Seid ihr da?"), 1):
            await tab.click(f"{HERE} .compose input[type=text]")
            await tab.write(words)
            await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === {n}")
        assert (await world.post(text(PHONE))).status_code == 200
        await tab.until(f"document.querySelector('{HERE} .status.read')", 10)
        assert await tab.evaluate(TEXTS) == ["Hallo", "Seid ihr da?", "Guten Tag"]
        assert await tab.evaluate(f"document.querySelectorAll('{HERE} .day').length") == 1
        first = f"document.querySelector('{HERE} .day').nextElementSibling"
        assert "Hallo" in await tab.evaluate(f"{first}.textContent")


async def test_everything_a_business_can_send_is_shown(start, text, tmp_path):
    world = await start()
    await world.sandbox.say(PHONE, "Guten Tag")
    buttons = [{"type": "reply", "reply": {"id": "yes", "title": "Ja"}}]
    rows = [
        {"id": "a", "title": EVIL[:24], "description": "Erste"},
        {"id": "b", "title": "Zweite", "description": EVIL[:72]},
    ]
    place = {"latitude": 52.5, "longitude": 13.4, "name": EVIL, "address": EVIL}
    contact = {"name": {"formatted_name": EVIL, "first_name": "x"}, "phones": [{"phone": "+49"}]}
    image = {"link": f"{world.sandbox.url}/page/icon.svg", "caption": f"*fett* {EVIL}"}
    paper = {"link": "https://cdn.example/a.pdf", "filename": EVIL}
    sends = [
        text(PHONE, text={"body": "*fett* _kursiv_ ~weg~ ```code``` https://blog.example/a_b_c."}),
        interactive(text, "button", {"buttons": buttons}, footer={"text": EVIL[:60]}),
        interactive(text, "list", {"button": "Öffnen", "sections": [{"title": "x", "rows": rows}]}),
        text(PHONE, type="image", text=None, image=image),
        text(PHONE, type="document", text=None, document=paper),
        text(PHONE, type="location", text=None, location=place),
        text(PHONE, type="contacts", text=None, contacts=[contact]),
        text(
            PHONE,
            text={
                "body": "https://blog.example/%E0%A4%A and https://[ and *_~` **",
                "preview_url": True,
            },
        ),
    ]
    async with looking(world, tmp_path) as tab:
        for body in sends:
            answer = await world.post(body)
            assert answer.status_code == 200, answer.text
        await tab.until(f"document.querySelectorAll('{HERE} .theirs[data-id]').length === 8")
        kinds = await tab.evaluate(
            f"['strong', 'em', 's', 'code', 'a'].map((tag) => document.querySelector("
            f"'{HERE} .text ' + tag)?.textContent)"
        )
        assert kinds == ["fett", "kursiv", "weg", "code", "https://blog.example/a_b_c"]
        href = f"document.querySelector('{HERE} .text a').href"
        assert await tab.evaluate(href) == "https://blog.example/a_b_c"
        assert await tab.evaluate(f"document.querySelectorAll('{HERE} .bubble img').length") == 1

        await tab.click(f"{HERE} .message:nth-of-type(3) .press")
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 2")
        await tab.click(f"{HERE} .i-list")
        await tab.click(f"{HERE} .sheet .row:nth-of-type(2)")
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 3")

        await tab.click(f"{HERE} .theirs .tools button:nth-of-type(2)")
        await tab.click(f"{HERE} .reactions button")
        await tab.until(f"document.querySelector('{HERE} .chips span')")
        await tab.evaluate(
            "(() => { const chosen = new DataTransfer();"
            " chosen.items.add(new File(['picture'], 'a.png', {type: 'image/png'}));"
            f" const field = document.querySelector('{HERE} input[type=file]');"
            " field.files = chosen.files; field.dispatchEvent(new Event('change')); })()"
        )
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 4")
        await world.sandbox.say(PHONE, preferences="stop")
        await world.sandbox.say(PHONE, echo={"text": EVIL})
        await tab.until(f"document.querySelector('{HERE} .news .pill')?.textContent")
        await tab.until(f"document.querySelectorAll('{HERE} .theirs[data-id]').length === 9")
        assert (await tab.evaluate(TEXTS))[-1] == EVIL
        await tab.click(".tab.add")
        await tab.write("+49 171 3920011")
        await tab.until("document.querySelector('.phone[data-contact=\"+491713920011\"]')")
    _, button, choice, reaction, picture, *_ = world.receiver.messages
    assert reaction["reaction"]["message_id"] == world.sandbox.received()[0].wamid
    assert world.sandbox.state.media.get(picture["image"]["id"]).content == b"picture"
    assert button["interactive"]["button_reply"] == {"id": "yes", "title": "Ja"}
    assert choice["interactive"]["list_reply"]["id"] == "b"


async def test_a_link_types_its_text_and_the_person_sends_it(start, tmp_path):
    words = "START blog K7F3 & <b>?"
    world = await start()
    async with looking(world, tmp_path, (PHONE, OTHER)) as tab:
        for phone, typing in (("", PHONE), (OTHER, OTHER), ("+491713920011", "+491713920011")):
            asked = urlencode({"text": words, **({"phone": phone} if phone else {})})
            await tab.open(f"{world.sandbox.url}/wa.me/491713920099?{asked}")
            field = f'.phone[data-contact="{typing}"] .compose input[type=text]'
            assert words == await tab.until(
                f"document.querySelector({json.dumps(field)})?.value", 10
            )
            assert await tab.evaluate("location.pathname + location.search") == "/"
            assert world.receiver.messages == []
            typed = "[...document.querySelectorAll('.compose input[type=text]')]"
            assert await tab.evaluate(f"{typed}.filter((one) => one.value).length") == 1
        await tab.click('.phone[data-contact="+491713920011"] .go')
        await tab.until("document.querySelector('.mine .i-ticks')")
        (said,) = world.receiver.messages
        assert (said["from"], said["text"]["body"]) == ("491713920011", words)
        assert "context" not in said
        await tab.open(f"{world.sandbox.url}/wa.me/491713000000?text=START")
        assert "+491713000000" in await tab.until("document.querySelector('.toast')?.textContent")


async def test_what_happens_beside_the_chat(start, tmp_path):
    world = await start()
    async with looking(world, tmp_path) as tab:
        deeds = ("preferences", "preferences", "system", "system", "system", "echo")
        for place, asks in enumerate(
            (None, None, "+49 171 3920012", None, None, "Wir rufen an."), 1
        ):
            await tab.click(f"{HERE} .deeds")
            await tab.click(f"{HERE} .sheet .row:nth-of-type({place})")
            if asks:
                await tab.until("document.activeElement.closest('dialog')")
                await tab.write(asks)
            await tab.until(f"document.querySelectorAll('{HERE} [data-id]').length === {place}")
        assert len(world.receiver.requests) == len(deeds)
        assert await tab.evaluate(TEXTS) == ["Wir rufen an."]
    preferences = [
        one for value in world.receiver.values for one in value.get("user_preferences", [])
    ]
    assert [one["value"] for one in preferences] == ["stop", "resume"]
    number, user, key = (message["system"] for message in world.receiver.messages)
    assert (number["type"], number["wa_id"]) == ("user_changed_number", "491713920012")
    assert (user["type"], key["type"]) == ("user_changed_user_id", "customer_identity_changed")
    assert user["previous_user_id"] != user["user_id"]
    (echo,) = (one for value in world.receiver.values for one in value.get("message_echoes", []))
    assert (echo["to"], echo["text"]) == ("491713920001", {"body": "Wir rufen an."})


async def test_a_card_leads_to_its_number(start, text, tmp_path):
    card = {
        "name": {"formatted_name": "Beispiel GmbH", "first_name": "Beispiel GmbH"},
        "org": {"company": EVIL},
        "phones": [{"phone": "+491713920099", "wa_id": "491713920099"}],
        "emails": [{"email": "redaktion@blog.example"}],
        "urls": [{"url": "https://blog.example/"}, {"url": "javascript:alert(1)"}, {"url": 7}],
    }
    world = await start()
    await world.sandbox.say(PHONE, "Guten Tag")
    async with looking(world, tmp_path) as tab:
        answer = await world.post(text(PHONE, type="contacts", text=None, contacts=[card]))
        assert answer.status_code == 200, answer.text
        await tab.until(f"document.querySelector('{HERE} .contact')")
        ways = f"[...document.querySelectorAll('{HERE} .contact .way')]"
        assert await tab.evaluate(f"{ways}.map((one) => one.textContent)") == [
            "+49 171 3920099", "redaktion@blog.example", "https://blog.example/",
            "javascript:alert(1)",
        ]  # fmt: skip
        assert await tab.evaluate(f"{ways}.map((one) => one.href ?? null)") == [
            "tel:+491713920099", "mailto:redaktion@blog.example", "https://blog.example/", None,
        ]  # fmt: skip
        shown = await tab.evaluate(f"document.querySelector('{HERE} .contact .holder').textContent")
        assert shown == f"BGBeispiel GmbH{EVIL}"


async def test_faults_are_switched_and_shown(start, text, blog_post, tmp_path):
    world = await start()
    async with looking(world, tmp_path, (PHONE, OTHER)) as tab:
        await tab.click(f"{HERE} .caption button")
        await tab.click('[data-fault="undeliverable"] [role=switch]')
        await tab.until(f"document.querySelector('{HERE} .fault')")
        (fault,) = world.sandbox.state.faults.active
        assert (fault.fault, fault.number) == ("undeliverable", PHONE)
        assert await tab.evaluate("document.querySelectorAll('.fault').length") == 1
        await world.post(blog_post(PHONE))
        said = await tab.until(f"document.querySelector('{HERE} .status.failed')?.textContent")
        assert "131026" in said
        await tab.click('[data-fault="undeliverable"] [role=switch]')
        await tab.until("!document.querySelector('.fault')")
        assert world.sandbox.state.faults.active == []


async def test_a_narrow_screen_begins_with_the_list(start, tmp_path):
    world = await start()
    await world.sandbox.say(OTHER, "Hallo")
    async with looking(world, tmp_path, (PHONE, OTHER), width=390, height=844) as tab:
        first = await tab.until("document.querySelector('.person')?.textContent")
        assert "Hallo" in first
        await tab.click(".person")
        inside = f'.phone[data-contact="{OTHER}"] .compose input[type=text]'
        box = await tab.until(
            "(() => { const one = document.querySelector("
            f"{json.dumps(inside)}).getBoundingClientRect();"
            " return one.left >= 0 && one.right <= 390 && one.bottom <= 844; })()"
        )
        assert box
        await tab.click(f'.phone[data-contact="{OTHER}"] .back')
        await tab.until("document.querySelector('.people').offsetWidth === 390")


async def test_a_page_begins_anew_when_all_was_forgotten(start, tmp_path):
    world = await start()
    async with looking(world, tmp_path) as tab:
        await world.sandbox.say(PHONE, "null")
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 1")
        await world.control("POST", "reset")
        for word in ("eins", "zwei"):
            await world.sandbox.say(PHONE, word)
        await tab.until(f"document.querySelectorAll('{HERE} .mine .i-ticks').length === 2")
        assert (await tab.evaluate(TEXTS)) == ["eins", "zwei"]


async def test_more_phones_than_fit_are_counted(start, tmp_path):
    many, shown = 40, 24
    world = await start()
    async with looking(world, tmp_path, ()) as tab:
        for number in range(many):
            await world.sandbox.say(f"+491713000{number:03}", "Hallo")
        told = await tab.until(
            f"document.querySelectorAll('.phone').length === {shown} &&"
            f" document.querySelector('.more').textContent.includes('{many - shown}') &&"
            " document.querySelector('.more').textContent"
        )
        assert str(many - shown) in told
        await tab.click(".bar .search input")
        await tab.write("000 039")
        await tab.until(
            "document.querySelectorAll('.phone').length === 1 &&"
            " document.querySelector('.phone').dataset.contact === '+491713000039'"
        )
