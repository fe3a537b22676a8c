"""Forward: who is told of a case, what stands in it, and how an answer comes back."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.api import (
    Case,
    ConfigError,
    Contact,
    Event,
    Identity,
    Later,
    MailError,
    NotSent,
    Said,
    Secret,
    Standing,
    Unknown,
)
from gateway.testing import NOW, Answer, FakeContext, Mailed, make, started
from gateway_plugins.observers.forward import Forward

URL = "https://crm.blog.example/hooks"
KEY = b"a secret key of this test"
SECRET = Secret(f"whsec_{b64encode(KEY).decode()}")
HOUR = timedelta(hours=1)
NUMBER = "+4917139200033"
WORDS = "Habt ihr <morgen> offen?"


def house(**case: Any) -> FakeContext:
    """A person who wrote three hours ago, and a question of that person."""
    context = FakeContext("forward")
    context.contacts[5] = Contact(
        id=5, identities=(Identity("phone", NUMBER),), language="de", name="Erika & Co",
        consents=(Standing(topic="blog", state="confirmed", event=1, since=NOW),),
        windows={"main": NOW + 21 * HOUR, "old": NOW - HOUR},
    )  # fmt: skip
    values: dict[str, Any] = {
        "id": 7001, "number": 12, "kind": "question", "external_id": "in1", "text": WORDS,
        "contact": 5, "sender": "main", "opened_at": NOW - HOUR,
    }  # fmt: skip
    context.cases[7001] = Case(**(values | case))
    return context


def opened(context: FakeContext, id: int = 7001) -> Event:
    return Event(id=1, at=NOW, name="case.opened", code=context.cases[id].kind, case=id)


async def told(context: FakeContext, **settings: Any) -> Mailed:
    """Notice the case; returns the mail."""
    async with started(make(Forward, "forward", **settings), context) as plugin:
        assert await plugin.notice(opened(context)) == ()
    (mail,) = context.mails
    return mail


@asynccontextmanager
async def browser(context: FakeContext, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the plugin's routes."""
    plugin = make(Forward, "forward", **settings)
    async with started(plugin, context):
        app = Starlette(routes=[Mount("/on/forward", routes=list(plugin.routes()))])
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url=context.public_url) as client:
            yield client


def link(context: FakeContext, case: int = 7001, **more: Any) -> str:
    return f"/on/forward/answer/{context.links.token('answer', case, **more)}"


# --- the mail -----------------------------------------------------------------------------------
async def test_a_question_is_mailed() -> None:
    """With what is asked, who asks, until when an answer may go, and the way to answer."""
    mail = await told(house())
    assert (mail.to, mail.reply_to) == ("redaktion@blog.example", "redaktion@blog.example")
    assert mail.subject == f"Frage #12 per WhatsApp: {WORDS}"
    for part in (f"> {WORDS}", "Erika & Co fragt", "Neue Beiträge", "3. März 2026, 7:00 Uhr"):
        assert part in mail.text
    assert mail.headers["Message-ID"] == "<forward.case-7001@blog.example>"
    assert "&lt;morgen&gt;" in mail.html
    assert "<morgen>" not in mail.html


async def test_numbers_are_masked_unless_a_call_is_wanted() -> None:
    masked = await told(house())
    assert "+49 171 *** 033" in masked.text
    assert NUMBER not in masked.text + masked.html + masked.subject
    assert NUMBER in (await told(house(), show_numbers=True)).text
    assert NUMBER in (await told(house(kind="callback"))).text


async def test_the_link_opens_the_page() -> None:
    """It lasts until a week after the window, and its token does nothing else."""
    context = house()
    mail = await told(context)
    (where,) = (line for line in mail.text.splitlines() if line.startswith("https://"))
    assert where in mail.html
    token = where.rpartition("/")[2]
    assert where == f"https://wa.blog.example/on/forward/answer/{token}"
    end = NOW + 21 * HOUR + timedelta(days=7)
    assert context.links.read("answer", token, end - HOUR) == (7001, "")
    assert context.links.read("answer", token, end) is None
    assert context.links.read("withdraw", token, NOW) is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"sender": "old"}, "nur 24 Stunden"),
        ({"sender": "never"}, "noch nicht per WhatsApp geschrieben"),
        ({"contact": None}, "niemand (mehr) bekannt"),
    ],
)
async def test_a_mail_says_why_no_answer_can_go(changes: dict[str, Any], says: str) -> None:
    mail = await told(house(**changes))
    assert says in mail.text
    assert "Ansehen und abschließen" in mail.text


async def test_other_kinds_say_what_they_are() -> None:
    due = NOW + timedelta(days=30)
    access = await told(house(kind="access", text="", due_at=due))
    assert access.subject == "Auskunft #12 verlangt, fällig 1. April 2026"
    assert "Art. 15" in access.text
    form = {"contact": None, "fields": {"name": "Erika", "E-Mail": "e@kunden.example"}}
    enquiry = await told(house(kind="enquiry", **form))
    assert "Erika hat eine Anfrage geschickt" in enquiry.text
    assert "E-Mail: e@kunden.example" in enquiry.text


async def test_words_cannot_break_out() -> None:
    """Whatever somebody writes is text, in the subject, the mail and the page."""
    context = house(text="<script>x</script>\nBcc: a@b.example\r\n" + "ä" * 200)
    mail = await told(context)
    assert "\n" not in mail.subject
    assert len(mail.subject) < 100
    assert "<script>" not in mail.html
    async with browser(context) as client:
        page = (await client.get(link(context))).text
    assert "<script>" not in page


async def test_without_a_public_address_the_mail_names_the_command() -> None:
    context = house()
    context.public_url = ""
    mail = await told(context)
    assert "gateway cases show 12" in mail.text
    assert "https://" not in mail.text


async def test_english() -> None:
    context = house()
    context.company.language = "en"
    mail = await told(context)
    assert mail.subject == f"Question #12 by WhatsApp: {WORDS}"
    assert "Answer possible until: " in mail.text


@pytest.mark.parametrize(
    ("changes", "event"),
    [
        ({"kind": "access"}, {}),
        ({"closed_at": NOW, "closed_by": "phone app"}, {}),
        ({}, {"name": "case.closed"}),
        ({}, {"case": 99}),
    ],
)
async def test_nobody_is_told_of_the_rest(changes: dict[str, Any], event: dict[str, Any]) -> None:
    """Of other kinds, of what was answered meanwhile, of what is gone."""
    context = house(**changes)
    plugin = make(Forward, "forward", kinds=["question"])
    values = {"id": 1, "at": NOW, "name": "case.opened", "code": context.cases[7001].kind}
    async with started(plugin, context):
        await plugin.notice(Event(**(values | {"case": 7001} | event)))
    assert context.mails == []


async def test_mail_that_fails_for_now_waits_and_what_never_goes_does_not() -> None:
    context = house()
    plugin = make(Forward, "forward")
    async with started(plugin, context):
        context.mail_error = MailError("the mail server is down", passing=True)
        with pytest.raises(Later, match="the mail server is down"):
            await plugin.notice(opened(context))
        context.mail_error = MailError("refuses the recipient (550)", passing=False)
        with pytest.raises(ConfigError, match="550"):
            await plugin.notice(opened(context))


# --- settings -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"to": "nobody"}, "to: is no address"),
        ({"reply_to": "x"}, "reply_to: is no address"),
        ({"kinds": []}, "kinds: is empty"),
        ({"kinds": ["joke"]}, "kinds"),
        ({"webhook": {"url": "ftp://x.example", "secret": SECRET}}, "no web address"),
        ({"webhook": {"url": "http://x.example", "secret": SECRET}}, "use https"),
        ({"webhook": {"url": "https://u:p@x.example", "secret": SECRET}}, "holds a password"),
        ({"webhook": {"url": "https://[::1", "secret": SECRET}}, "no web address"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make(Forward, "forward", **settings)


async def test_somebody_has_to_be_told() -> None:
    context = house()
    context.has_mail = False
    with pytest.raises(ConfigError, match="name a server"):
        await told(context)
    context = house()
    context.company.mail = ""
    with pytest.raises(ConfigError, match="nobody is told"):
        await told(context)
    with pytest.raises(ConfigError, match="fewer than 16 bytes"):
        await told(house(), webhook={"url": URL, "secret": Secret("short")})


# --- the page -----------------------------------------------------------------------------------
async def test_the_page_shows_what_was_said() -> None:
    context = house()
    context.conversations[5] = [
        Said(at=NOW - timedelta(days=9), ours=False, text="Lange her", kind="text"),
        Said(at=NOW - 2 * HOUR, ours=True, text="Ein Beitrag", kind="marketing", state="read"),
        Said(at=NOW - 2 * HOUR, ours=True, text="", kind="echo", state="sent"),
        Said(at=NOW - HOUR, ours=False, text=WORDS, kind="text"),
        Said(at=NOW - HOUR, ours=False, text="", kind="image"),
    ]
    async with browser(context) as client:
        answer = await client.get(link(context))
    assert answer.status_code == 200
    page = answer.text
    assert page.count("Habt ihr &lt;morgen&gt; offen?") == 1
    for part in ("· gelesen", "WhatsApp-App geschrieben", "(image)", "+49 171 *** 033"):
        assert part in page
    assert "Lange her" not in page
    assert NUMBER not in page
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert context.accepted == context.closes == []


async def test_an_answer_goes_out_once() -> None:
    """However often the button is pressed; the page then says what became of it."""
    context = house()
    form = {"do": "send", "text": "Ja, bis 20 Uhr.\r\nGrüße"}
    async with browser(context) as client:
        for _ in range(2):
            done = await client.post(link(context), data=form)
            assert done.status_code == 303
            assert link(context).endswith(done.headers["location"])
        page = await client.get(link(context))
    (sent,) = context.accepted
    assert (sent.kind, sent.to, sent.sender, sent.language) == ("service", 5, "main", "de")
    assert sent.text == "Ja, bis 20 Uhr.\nGrüße"
    digest = hashlib.sha256(sent.text.encode()).hexdigest()[:16]
    assert sent.external_id == f"answer:7001:{digest}"
    assert sent.expires_at == NOW + 21 * HOUR
    (close,) = context.closes
    assert (close.case, close.by, close.answer) == (7001, "redaktion@blog.example", sent.text)
    assert "Beantwortet heute um 10:00 Uhr von redaktion@blog.example." in page.text
    assert "<textarea" not in page.text


async def test_who_is_second_is_told_so() -> None:
    """And what was written is not lost."""
    context = house()
    async with browser(context) as client:
        await client.post(link(context), data={"do": "send", "text": "Ja."})
        second = await client.post(link(context), data={"do": "send", "text": "Nein, <b>nie</b>."})
    assert second.status_code == 409
    assert "Das wurde nicht gesendet" in second.text
    assert "Nein, &lt;b&gt;nie&lt;/b&gt;." in second.text
    assert [m.text for m in context.accepted] == ["Ja."]


@pytest.mark.parametrize(
    ("text", "says"),
    [("  \r\n ", "Schreibe zuerst"), ("x" * 3501, "3501 Zeichen, erlaubt sind 3500")],
)
async def test_what_cannot_be_sent_is_said_and_kept(text: str, says: str) -> None:
    context = house()
    async with browser(context) as client:
        answer = await client.post(link(context), data={"do": "send", "text": text})
    assert answer.status_code == 422
    assert says in answer.text
    assert text.strip() in answer.text
    assert context.accepted == context.closes == []


async def test_the_window_closes_while_somebody_types() -> None:
    context = house()
    async with browser(context) as client:
        context.clock.forward(21 * 3600)
        answer = await client.post(link(context), data={"do": "send", "text": "Ja, gern."})
        assert answer.status_code == 422
        assert "nur 24 Stunden" in answer.text
        assert "Ja, gern." in answer.text
        assert "<textarea" not in answer.text
        done = await client.post(link(context), data={"do": "close"})
        assert done.status_code == 303
        assert "Abgeschlossen morgen" not in (await client.get(link(context))).text
    assert context.accepted == []
    assert [(c.by, c.answer) for c in context.closes] == [("redaktion@blog.example", "")]


async def test_what_was_answered_by_phone_says_so() -> None:
    context = house(closed_at=NOW - HOUR, closed_by="phone app")
    async with browser(context) as client:
        page = await client.get(link(context))
    assert "in der WhatsApp-App" in page.text


@pytest.mark.parametrize("purpose", ["withdraw", ""])
async def test_a_link_that_is_not_ours_opens_nothing(purpose: str) -> None:
    context = house()
    old = context.links.token("answer", 7001, until=NOW)
    other = context.links.token(purpose, 7001)
    gone = context.links.token("answer", 404)
    async with browser(context) as client:
        for token in (old, other, gone, "x", "A" * 500):
            for method in ("GET", "POST"):
                answer = await client.request(method, f"/on/forward/answer/{token}")
                assert answer.status_code == 410
                assert WORDS[:8] not in answer.text
    assert context.accepted == context.closes == []


@pytest.mark.parametrize("body", [b"\xff", b"text=" + b"x" * 70_000, b"&".join([b"a=b"] * 99)])
async def test_what_is_no_form_is_refused(body: bytes) -> None:
    context = house()
    async with browser(context) as client:
        assert (await client.post(link(context), content=body)).status_code == 400
    assert context.accepted == context.closes == []


# --- the webhook --------------------------------------------------------------------------------
def hooked(**more: Any) -> dict[str, Any]:
    return {"webhook": {"url": URL, "secret": SECRET, **more}}


def signature(id: str, stamp: str, body: bytes, key: bytes = KEY) -> str:
    """As standardwebhooks.com says; written without the plugin's own way."""
    signed = f"{id}.{stamp}.".encode() + body
    return "v1," + b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


async def test_a_webhook_is_signed_and_tells_no_more_than_needed() -> None:
    context = house()
    context.http.answers[f"POST {URL}"] = Answer(204)
    async with started(make(Forward, "forward", **hooked()), context) as plugin:
        await plugin.notice(opened(context))
    assert context.mails == []  # only if `to` names somebody
    (asked,) = context.http.asked
    head = asked.headers
    assert head["webhook-id"] == "forward-case-7001"
    assert head["webhook-timestamp"] == str(int(NOW.timestamp()))
    expected = signature(head["webhook-id"], head["webhook-timestamp"], asked.content)
    assert head["webhook-signature"] == expected
    content = json.loads(asked.content)
    assert content["type"] == "case.opened"
    data = content["data"]
    assert (data["case"], data["contact"], data["number"]) == ("7001", "5", 12)
    assert (data["text"], data["kind"], data["topics"]) == (WORDS, "question", ["blog"])
    told = asked.content.decode() + str(head)
    assert NUMBER[3:] not in told
    assert "/answer/" not in told
    assert SECRET.reveal() not in told


def test_the_published_example_fits() -> None:
    """A vector that was computed apart: `whsec_` and base64 of a secret, id msg_1."""
    from gateway_plugins.observers.forward.hook import Signer

    body = '{"event":"lead","phone":"+491713920001","name":"Testkäufer Süd"}'.encode()
    # The secret of the vector has 14 bytes; what signs is the same.
    signer = Signer(SECRET)
    signer._key = b"test-secret-01"
    assert (
        signer.sign("msg_1", 1795255200, body) == "v1,iCiVann4XeqDO0nm4Qtb/xVK7axOki53o+wRvCtQzOs="
    )


@pytest.mark.parametrize(
    ("answer", "error", "says"),
    [
        (Answer(500), Later, "answers 500"),
        (Answer(429, headers={"retry-after": "90"}), Later, "answers 429"),
        (NotSent("connect"), Later, "cannot be reached"),
        (Unknown("read_timeout"), Later, "cannot be reached"),
        (Answer(410), ConfigError, "410: it is gone for good"),
        (Answer(302, headers={"location": "https://x.example"}), ConfigError, "not followed"),
        (Answer(401), ConfigError, "signature"),
        (Answer(400), ConfigError, "refuses"),
        (NotSent("private_address"), ConfigError, "private = true"),
    ],
)
async def test_a_webhook_that_fails(answer: Any, error: type[Exception], says: str) -> None:
    context = house()
    context.http.answers[f"POST {URL}"] = answer
    async with started(make(Forward, "forward", **hooked()), context) as plugin:
        with pytest.raises(error, match=says) as caught:
            await plugin.notice(opened(context))
    assert len(context.http.asked) == 1
    if isinstance(caught.value, Later):
        assert caught.value.seconds == (90 if "429" in says else 60)


async def test_of_two_ways_the_one_that_worked_is_not_repeated() -> None:
    context = house()
    context.http.answers[f"POST {URL}"] = [Answer(503), Answer(200)]
    plugin = make(Forward, "forward", to="anna@blog.example", **hooked())
    async with started(plugin, context):
        with pytest.raises(Later):
            await plugin.notice(opened(context))
        await plugin.notice(opened(context))
    assert [mail.to for mail in context.mails] == ["anna@blog.example"]
    assert len(context.http.asked) == 2
    assert context.state.values == {}


@pytest.mark.parametrize(
    ("url", "private", "public_only"),
    [
        (URL, False, True),
        (URL, True, False),
        ("http://127.0.0.1:9000/x", False, False),
        ("http://10.0.0.7/x", False, False),
        ("http://crm.lan/x", True, False),
    ],
)
def test_private_addresses_only_where_the_settings_name_them(
    url: str, private: bool, public_only: bool
) -> None:
    plugin = make(Forward, "forward", webhook={"url": url, "secret": SECRET, "private": private})
    assert plugin.config.webhook is not None
    assert plugin.config.webhook.public_only is public_only


async def reply(client: httpx.AsyncClient, content: Any, **changes: str) -> httpx.Response:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    stamp = changes.get("webhook-timestamp", str(int(NOW.timestamp())))
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": stamp,
        "webhook-signature": signature("msg_1", stamp, body),
    }
    return await client.post("/on/forward/reply", content=body, headers=headers | changes)


async def test_a_webhook_answers() -> None:
    context = house()
    content = {"case": "7001", "text": "Ja, bis 20 Uhr.", "by": "Anna\nB"}
    async with browser(context, **hooked()) as client:
        first = await reply(client, content)
        again = await reply(client, content)
        other = await reply(client, content | {"text": "Nein."})
    assert (first.status_code, first.json()) == (200, {"case": "7001", "repeated": False})
    assert (again.status_code, again.json()) == (200, {"case": "7001", "repeated": True})
    assert other.status_code == 409
    assert "closed already" in other.json()["error"]
    assert [m.text for m in context.accepted] == ["Ja, bis 20 Uhr."]
    assert [c.by for c in context.closes] == ["Anna B"]


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": signature("msg_1", str(int(NOW.timestamp())), b"{}", b"other" * 4)},
        {"webhook-id": ""},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": str(int(NOW.timestamp()) - 301)},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 301)},
    ],
)
async def test_an_answer_that_is_not_signed_is_refused(changes: dict[str, str]) -> None:
    context = house()
    async with browser(context, **hooked()) as client:
        answer = await reply(client, {"case": "7001", "text": "Ja."}, **changes)
    assert answer.status_code == 401
    assert answer.json()["error"].startswith("webhook-")
    assert context.accepted == context.closes == []


async def test_secrets_are_rotated_with_several_signatures() -> None:
    """One of those that are given has to fit."""
    context = house()
    body = json.dumps({"case": "7001", "text": "Ja."}).encode()
    fits = signature("msg_1", str(int(NOW.timestamp())), body)
    async with browser(context, **hooked()) as client:
        answer = await reply(client, body, **{"webhook-signature": f"v1,AAAA {fits}"})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("content", "status", "says"),
    [
        (b"no json", 400, "expected case, text and by"),
        (b"\xff\xfe", 400, "expected case, text and by"),
        ({"text": "Ja."}, 400, "case"),
        ({"case": 7001, "text": "Ja."}, 400, "case"),
        ({"case": "12x", "text": "Ja."}, 404, "no such case"),
        ({"case": "404", "text": "Ja."}, 404, "no such case"),
        ({"case": "9" * 30, "text": "Ja."}, 404, "no such case"),
        ({"case": "7001", "text": " "}, 422, "empty"),
        ({"case": "7001", "text": "x" * 3501}, 422, "3500"),
    ],
)
async def test_an_answer_that_does_not_fit_gets_a_sentence(
    content: Any, status: int, says: str
) -> None:
    context = house()
    async with browser(context, **hooked()) as client:
        answer = await reply(client, content)
    assert answer.status_code == status
    assert says in answer.json()["error"]
    assert context.accepted == context.closes == []


async def test_without_a_webhook_there_is_no_way_in() -> None:
    context = house()
    async with browser(context) as client:
        assert (await reply(client, {"case": "7001", "text": "Ja."})).status_code == 404
