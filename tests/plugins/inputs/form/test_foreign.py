"""Forms of other tools: what each of them posts, how it is proven, and what it is answered."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from gateway.api import Secret
from gateway.testing import assert_keeps_secret
from tests.plugins.inputs.form.browsing import HTML, Visit, visiting, words

E164 = "+491713920001"
KEY = Secret("a-key-in-the-address")
WORDING = "Ja, per WhatsApp informieren. Abmelden jederzeit mit STOP."
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

TYPEFORM = {
    "event_id": "01HX0000000000000000000001",
    "event_type": "form_response",
    "form_response": {
        "form_id": "AbCdEf",
        "token": "tok_1",
        "submitted_at": "2026-11-21T10:00:00Z",
        "hidden": {"utm_source": "flyer"},
        "definition": {
            "id": "AbCdEf",
            "title": "Newsletter",
            "fields": [
                {"id": "f1", "ref": "phone", "type": "phone_number", "title": "Mobilnummer"}
            ],
        },
        "answers": [
            {
                "type": "phone_number",
                "phone_number": E164,
                "field": {"id": "f1", "ref": "phone", "type": "phone_number"},
            },
            {
                "type": "boolean",
                "boolean": True,
                "field": {"id": "f2", "ref": "consent", "type": "legal"},
            },
        ],
    },
}
TALLY = {
    "eventId": "e-1",
    "eventType": "FORM_RESPONSE",
    "data": {
        "responseId": "r1",
        "submissionId": "s1",
        "fields": [
            {
                "key": "question_a",
                "label": "Mobilnummer",
                "type": "INPUT_PHONE_NUMBER",
                "value": E164,
            },
            {
                "key": "question_b",
                "label": "Einwilligung",
                "type": "CHECKBOXES",
                "value": ["opt-1"],
                "options": [{"id": "opt-1", "text": "Ja"}, {"id": "opt-2", "text": "Nein"}],
            },
        ],
    },
}
CF7 = {
    "your-name": "Testkäufer Süd",
    "your-phone": "0171 3920001",
    "your-email": "kunde@example.org",
    "newsletter": ["Ja, per WhatsApp informieren"],
    "_remote_ip": "192.0.2.7",
}
GRAVITY = {
    "id": "731",
    "form_id": "4",
    "source_url": "https://www.example.org/kontakt/",
    "1.3": "Testkäufer",
    "2": "0171 3920001",
    "5.1": "1",
    "5.2": "Ich stimme zu",
}
ELEMENTOR = {
    "Name": "Testkäufer",
    "Telefon (mobil)": "0171 3920001",
    "Ich stimme zu": "on",
    "Page URL": "https://www.example.org/",
    "form_id": "a1b2c3d",
}
ADVANCED = {
    "form[id]": "a1b2c3d",
    "fields[phone][id]": "phone",
    "fields[phone][title]": "Telefon (mobil)",
    "fields[phone][value]": "0171 3920001",
    "fields[agree][title]": "Ich stimme zu",
    "fields[agree][value]": "on",
    "meta[page_url][value]": "https://www.example.org/",
}
JOTFORM = {
    "formID": "1",
    "submissionID": "6001",
    "rawRequest": json.dumps(
        {"q4_phone": {"full": "(0171) 3920001"}, "q5_agree": ["Ja"], "q3_name": {"first": "A"}}
    ),
}
NETLIFY = {
    "id": "n-1",
    "form_name": "newsletter",
    "data": {"phone": "0171 3920001", "consent": "yes", "ip": "192.0.2.7"},
}
FORMSPREE = {
    "form": "abcd",
    "keys": ["phone", "consent"],
    "submission": {"phone": "0171 3920001", "consent": "yes"},
}
WEBFLOW = {
    "triggerType": "form_submission",
    "payload": {"id": "w-1", "data": {"Phone": 1713920001, "Consent": True}},
}
HUBSPOT = {
    "vid": 1,
    "properties": {"mobilephone": {"value": "0171 3920001"}, "whatsapp": {"value": "true"}},
}

# tool, body, content type, settings beside kind, tool, wording, key; evidence beyond the tick
SUBMITTED: list[tuple[str, Any, str, dict[str, Any], dict[str, str]]] = [
    ("typeform", TYPEFORM, JSON, {}, {"tick": "true", "submission": "tok_1"}),
    (
        "tally",
        TALLY,
        JSON,
        {"fields": {"phone": "mobilnummer", "consent": "question_b"}, "accepted": ["Ja"]},
        {"tick": "Ja", "submission": "s1"},
    ),
    (
        "cf7",
        CF7,
        f"{JSON}; charset=UTF-8",
        {"accepted": ["Ja, per WhatsApp informieren"]},
        {"tick": "Ja, per WhatsApp informieren"},
    ),
    (
        "gravity",
        GRAVITY,
        JSON,
        {"fields": {"phone": "2", "consent": "5.1"}},
        {"tick": "1", "submission": "731", "page": "https://www.example.org/kontakt/"},
    ),
    (
        "elementor",
        ELEMENTOR,
        FORM,
        {"fields": {"phone": "telefon (mobil)", "consent": "Ich stimme zu"}},
        {"tick": "on", "page": "https://www.example.org/"},
    ),
    (
        "elementor",
        ADVANCED,
        FORM,
        {"fields": {"phone": "phone", "consent": "ich stimme zu"}},
        {"tick": "on", "page": "https://www.example.org/"},
    ),
    (
        "jotform",
        JOTFORM,
        "multipart/form-data",
        {"fields": {"consent": "q5_agree"}, "accepted": ["ja"]},
        {"tick": "Ja", "submission": "6001"},
    ),
    ("netlify", NETLIFY, JSON, {}, {"tick": "yes", "submission": "n-1"}),
    ("formspree", FORMSPREE, JSON, {}, {"tick": "yes"}),
    ("webflow", WEBFLOW, JSON, {"accepted": ["true"]}, {"tick": "true", "submission": "w-1"}),
    (
        "hubspot",
        HUBSPOT,
        JSON,
        {"fields": {"phone": ["mobilephone", "phone"], "consent": "whatsapp"}},
        {"tick": "true"},
    ),
    ("wpforms", {"phone": "0171 3920001", "consent": "1"}, FORM, {}, {"tick": "1"}),
    ("ninja", {"phone": "0171 3920001", "consent": "1"}, FORM, {}, {"tick": "1"}),
    ("formspark", {"phone": "0171 3920001", "consent": "on"}, JSON, {}, {"tick": "on"}),
    ("framer", {"Phone": "0171 3920001", "Consent": "on"}, JSON, {}, {"tick": "on"}),
    ("formstack", {"Phone": "0171 3920001", "Consent": "on"}, FORM, {}, {"tick": "on"}),
    ("typo3", {"phone": "0171 3920001", "consent": "1"}, JSON, {}, {"tick": "1"}),
]


def newsletter(tool: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": "newsletter", "tool": tool, "wording": WORDING, "sign_up": "template", "key": KEY,
        **more,
    }  # fmt: skip


async def send(visit: Visit, body: Any, kind: str, path: str = "f/news") -> httpx.Response:
    headers = {"x-api-key": KEY.reveal()}
    if kind.startswith("multipart"):
        parts = {name: (None, value) for name, value in body.items()}
        return await visit.post(path, files=parts, headers=headers)
    raw = json.dumps(body) if kind.startswith(JSON) else urlencode(body)
    headers["content-type"] = kind
    return await visit.post(path, content=raw.encode(), headers=headers)


@pytest.mark.parametrize(
    ("tool", "body", "kind", "settings", "evidence"),
    SUBMITTED,
    ids=[f"{row[0]}-{at}" for at, row in enumerate(SUBMITTED)],
)
async def test_what_a_tool_posts_is_a_request(
    tool: str, body: Any, kind: str, settings: dict[str, Any], evidence: dict[str, str]
) -> None:
    async with visiting(forms={"news": newsletter(tool, **settings)}) as visit:
        answer = await send(visit, body, kind)
        assert (answer.status_code, answer.json()) == (200, {"ok": True}), "exactly 200"
        (made,) = visit.context.new_people
        assert [one.value for one in made.identities] == [E164]
        event = made.events[0]
        assert (event.name, event.topic, event.source) == (
            "requested", "blog", "form website/news"
        )  # fmt: skip
        assert event.evidence == evidence, "address and browser would be those of the tool"
        assert event.wording is not None
        assert (event.wording.text, event.wording.version) == (WORDING, "1")


@pytest.mark.parametrize(
    ("tool", "body", "kind", "settings"),
    [row[:4] for row in SUBMITTED],
    ids=[f"{row[0]}-{at}" for at, row in enumerate(SUBMITTED)],
)
async def test_a_tick_that_says_something_else_is_none(
    tool: str, body: Any, kind: str, settings: dict[str, Any]
) -> None:
    form = newsletter(tool, **{**settings, "accepted": ["Ja, unbedingt"]})
    async with visiting(forms={"news": form}) as visit:
        answer = await send(visit, body, kind)
        assert (answer.status_code, answer.json()["stored"]) == (200, False)
        assert (visit.kept, visit.refused("not_agreed")) == (0, 1)


async def test_a_number_that_could_be_two_is_refused() -> None:
    """As a JSON number it lost its + : 0049171… and 0491713920001 are different people."""
    body = {"payload": {"data": {"Phone": 491713920001, "Consent": "on"}}}
    async with visiting(forms={"news": newsletter("webflow")}) as visit:
        answer = await send(visit, body, JSON)
        assert (answer.status_code, visit.kept, visit.refused("bad_number")) == (422, 0, 1)


@pytest.mark.parametrize(
    ("tool", "body"),
    [
        ("typeform", {**TYPEFORM, "event_type": "form_response_partial"}),
        ("tally", {**TALLY, "eventType": "PING"}),
    ],
)
async def test_what_is_not_finished_is_nothing(tool: str, body: Any) -> None:
    async with visiting(forms={"news": newsletter(tool)}) as visit:
        answer = await send(visit, body, JSON)
        assert (answer.status_code, visit.kept, visit.refused("unfinished")) == (200, 0, 1)


@pytest.mark.parametrize("junk", [{}, [], {"form_response": 1}, {"data": {"fields": [1, None]}}])
@pytest.mark.parametrize("tool", ["typeform", "tally", "jotform", "netlify", "webflow", "hubspot"])
async def test_another_shape_is_nothing_or_refused(tool: str, junk: Any) -> None:
    async with visiting(forms={"news": newsletter(tool)}) as visit:
        answer = await send(visit, junk, JSON)
        assert answer.status_code in (200, 400)
        assert visit.kept == 0


# --- who posts ----------------------------------------------------------------------------------
async def test_a_signature_is_needed_where_one_is_expected() -> None:
    body = json.dumps(TYPEFORM).encode()
    form = {
        "kind": "newsletter", "tool": "typeform", "wording": WORDING, "sign_up": "template",
        "secret": Secret("the-new-secret"), "previous_secret": Secret("the-old-secret"),
    }  # fmt: skip

    def signed(secret: str) -> dict[str, str]:
        tag = b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
        return {"typeform-signature": f"sha256={tag}", "content-type": JSON}

    async with visiting(forms={"news": form}) as visit:
        for headers, status in (
            ({"content-type": JSON}, 401),
            (signed("another"), 401),
            (signed("the-new-secret"), 200),
            (signed("the-old-secret"), 200),
        ):
            answer = await visit.post("f/news", content=body, headers=headers)
            assert answer.status_code == status
            assert answer.status_code not in (404, 410), "Typeform would switch the webhook off"
        assert visit.refused("signature") == 2
        assert len(visit.context.new_people) == 1, "the second within a day is not asked again"
        assert_keeps_secret(lambda: visit.client.headers, "the-new-secret")


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("f/news", {}, 401),
        ("f/news/wrong", {}, 401),
        ("f/news/" + KEY.reveal(), {}, 200),
        ("f/news", {"authorization": f"Bearer {KEY.reveal()}"}, 200),
        ("f/news", {"authorization": "Bearer wrong"}, 401),
        ("f/news", {"authorization": f"Digest {KEY.reveal()}"}, 401),
        ("f/news", {"authorization": "Basic dXNlcjphLWtleS1pbi10aGUtYWRkcmVzcw=="}, 200),
        ("f/news", {"authorization": "Basic %%%"}, 401),
        ("f/other", {}, 404),
    ],
)
async def test_a_key_for_tools_that_cannot_sign(
    path: str, headers: dict[str, str], status: int
) -> None:
    form = newsletter("elementor", fields={"phone": "p", "consent": "c"})
    async with visiting(forms={"news": form}) as visit:
        answer = await visit.post(path, {"p": "0171 3920001", "c": "on"}, headers=headers)
        assert answer.status_code == status
        assert visit.kept == (status == 200)


# --- a form in the company's own page -----------------------------------------------------------
NEWS = {"kind": "newsletter", "wording": WORDING}
WEBSITE = "https://www.blog.example"


async def test_a_browser_is_led_to_the_page_with_the_code() -> None:
    async with visiting(forms={"news": NEWS}, origins=[WEBSITE]) as visit:
        headers = {**HTML, "origin": WEBSITE, "referer": f"{WEBSITE}/newsletter"}
        answer = await visit.post("f/news", {"consent": "on", "lang": "en"}, headers=headers)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/in/website/s/")
        assert answer.headers["location"].endswith("?lang=en")
        (kept,) = visit.context.sign_ups
        assert kept.evidence["page"] == f"{WEBSITE}/newsletter"
        assert (kept.evidence["tick"], kept.evidence["ip"]) == ("on", "192.0.2.7")
        assert kept.source == "form website/news"
        assert kept.topics == ("blog", "termine")


async def test_a_script_gets_what_it_shows() -> None:
    async with visiting(forms={"news": {**NEWS, "topics": ["blog"]}}) as visit:
        answer = await visit.post("f/news", {"consent": "on"}, headers={"accept": "*/*"})
        told = answer.json()
        code = visit.context.sign_ups[0].code
        assert told["link"] == f"https://wa.me/49301234567?text=START%20blog%20{code}"
        assert (told["code"], told["text"]) == (code, f"START blog {code}")
        assert told["qr"].startswith("<svg")


async def test_topics_are_chosen_by_name_or_title() -> None:
    form = {**NEWS, "fields": {"topics": "themen", "consent": "c"}}
    for value, topics in (
        ("blog", [("blog",)]),
        (["neue beiträge", "Termine"], [("blog", "termine")]),
        ("intern", []),
        ("", []),
    ):
        async with visiting(forms={"news": form}) as visit:
            answer = await visit.post("f/news", {"c": "on", "themen": value})
            assert [one.topics for one in visit.context.sign_ups] == topics
            assert answer.status_code == (200 if topics else 422)


CALLBACK = {"kind": "callback", "due": "4h", "keep": ["Wunschtermin"]}
CALL = {
    "name": "Testkäufer Süd", "phone": "030 1234567", "message": "Bitte\nzurückrufen",
    "Wunschtermin": "morgen",
}  # fmt: skip


async def test_a_request_for_a_call_is_a_case() -> None:
    async with visiting(forms={"anruf": CALLBACK}) as visit:
        page = {"referer": f"{WEBSITE}/kontakt", **HTML}
        answer = await visit.post("f/anruf", CALL, headers=page)
        assert answer.headers["location"] == "/in/website/f/anruf/thanks?lang=de"
        (case,) = visit.context.cases.values()
        assert (case.kind, case.text, case.language) == ("callback", "Bitte\nzurückrufen", "de")
        assert case.contact is None, "nobody proved whose number that is"
        assert case.fields == {
            "name": "Testkäufer Süd",
            "phone": "+49301234567",
            "Wunschtermin": "morgen",
            "form": "anruf",
            "page": f"{WEBSITE}/kontakt",
        }
        assert case.due_at is not None
        assert (case.due_at - visit.context.clock.now()).total_seconds() == 4 * 3600
        thanks = await visit.client.get(answer.headers["location"])
        assert "wir rufen dich an" in words(thanks.text)
        assert visit.taken("callback") == 1


async def test_a_double_click_is_one_case() -> None:
    async with visiting(forms={"anruf": CALLBACK}) as visit:
        for seconds in (0, 1, 61, 500):
            visit.context.clock.forward(seconds)
            assert (await visit.post("f/anruf", CALL)).status_code == 200
        assert len(visit.context.cases) == 1
        await visit.post("f/anruf", {**CALL, "message": "etwas anderes"})
        assert len(visit.context.cases) == 2
        visit.context.clock.forward(601)
        await visit.post("f/anruf", CALL)
        assert len(visit.context.cases) == 3, "the same wish again, another day"


async def test_a_tools_own_id_counts_for_ever() -> None:
    form = {"kind": "callback", "tool": "gravity", "fields": {"phone": "2"}, "key": KEY}
    async with visiting(forms={"news": form}) as visit:
        for _ in range(3):
            assert (await send(visit, GRAVITY, JSON)).status_code == 200
            visit.context.clock.forward(86_400)
        assert [one.external_id for one in visit.context.cases.values()] == ["news:731"]


@pytest.mark.parametrize(
    ("form", "data", "reason"),
    [
        (CALLBACK, {"name": "x"}, "no_phone"),
        (CALLBACK, {"phone": "123"}, "bad_number"),
        ({"kind": "enquiry"}, {"message": "Frage"}, "no_question"),
        ({"kind": "enquiry"}, {"email": "kunde@example.org"}, "no_question"),
        ({"kind": "callback", "wording": "Ja"}, CALL, "not_agreed"),
        (NEWS, {}, "not_agreed"),
    ],
)
async def test_what_is_missing_is_told(
    form: dict[str, Any], data: dict[str, str], reason: str
) -> None:
    async with visiting(forms={"x": form}) as visit:
        told = visit.context.texts.say(f"forms.{reason}")
        answer = await visit.post("f/x", data)
        assert (answer.status_code, answer.json()) == (422, {"ok": False, "error": told})
        page = await visit.post("f/x", data, headers=HTML)
        assert page.status_code == 422
        assert told in words(page.text)
        assert visit.kept == 0


async def test_pages_of_the_settings_and_never_of_the_request() -> None:
    form = {**CALLBACK, "thank_you": f"{WEBSITE}/danke", "error_page": f"{WEBSITE}/fehler"}
    async with visiting(forms={"anruf": form}) as visit:
        evil = {"redirect": "https://evil.example", "_next": "https://evil.example"}
        answer = await visit.post("f/anruf?next=//evil.example", {**CALL, **evil}, headers=HTML)
        assert answer.headers["location"] == f"{WEBSITE}/danke"
        answer = await visit.post("f/anruf", evil, headers=HTML)
        assert answer.headers["location"] == f"{WEBSITE}/fehler"


async def test_an_enquiry_with_agreement_keeps_its_words() -> None:
    form = {"kind": "enquiry", "wording": "Antwort per Telefon ist mir recht.", "version": "2"}
    async with visiting(forms={"x": form}) as visit:
        data = {"message": "Frage", "email": "kunde@example.org", "consent": "on"}
        assert (await visit.post("f/x", data)).status_code == 200
        (case,) = visit.context.cases.values()
        assert case.fields["agreed"] == "Antwort per Telefon ist mir recht. (version 2)"


NASTY = (
    "'; DROP TABLE cases; --",
    '"><script>alert(1)</script>',
    "{{7*7}} ${7*7} %s {company}",
    "=cmd|' /C calc'!A0",
    "a\x00b\x1b[31m\u202e",
    "🙂" * 3000,
    "x" * 1_000_000,
    "\udcff",
)


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
async def test_whatever_stands_in_a_field_is_text(value: str) -> None:
    async with visiting(forms={"x": {"kind": "enquiry", "keep": ["extra"]}}) as visit:
        raw = dict.fromkeys(("name", "message", "email", "phone", "extra", "page", "lang"), value)
        body = urlencode(raw, errors="surrogatepass").encode()
        answer = await visit.post("f/x", content=body, headers={"content-type": FORM, **HTML})
        if len(body) > 256 * 1024:
            assert (answer.status_code, visit.kept) == (413, 0)
            return
        assert answer.status_code == 303
        (case,) = visit.context.cases.values()
        assert all(len(text) <= 500 for text in case.fields.values())
        assert len(case.text) <= 4000
        kept = json.dumps([case.text, case.fields])
        assert not {"\\u0000", "\\u001b", "\\u202e"} & {
            kept[at : at + 6] for at in range(len(kept))
        }
        thanks = await visit.client.get(answer.headers["location"])
        assert "<script" not in thanks.text


async def test_robots_in_a_foreign_form() -> None:
    async with visiting(forms={"anruf": CALLBACK, "news": NEWS}, honeypot="homepage") as visit:
        answer = await visit.post("f/anruf", {**CALL, "homepage": "x"})
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        answer = await visit.post("f/news", {"consent": "on", "homepage": "x"}, headers=HTML)
        assert answer.status_code == 303
        assert (visit.kept, visit.refused("honeypot")) == (0, 2)


async def test_a_page_may_ask_for_the_time_token() -> None:
    form = {**CALLBACK, "token": "required", "origins": [WEBSITE]}
    async with visiting(forms={"anruf": form, "news": NEWS}) as visit:
        assert (await visit.post("f/anruf", CALL)).status_code == 422
        headers = {"origin": WEBSITE}
        token = (await visit.get("f/anruf/token", **headers)).json()["token"]
        sent = {**CALL, "token": token}
        assert (await visit.post("f/anruf", sent)).status_code == 422, "too fast"
        visit.context.clock.forward(4)
        assert (await visit.post("f/anruf", sent)).status_code == 200
        other = (await visit.get("f/news/token")).json()["token"]
        visit.context.clock.forward(4)
        assert (await visit.post("f/anruf", {**CALL, "token": other})).status_code == 422
        assert (await visit.get("f/nothing/token")).status_code == 404


async def test_only_allowed_pages_read_the_answer() -> None:
    async with visiting(
        forms={"anruf": {**CALLBACK, "origins": ["https://shop.example"]}}, origins=[WEBSITE]
    ) as visit:
        for origin, status in (
            (WEBSITE, 200),
            ("https://shop.example", 200),
            ("https://evil.example", 403),
            ("http://www.blog.example", 403),
            ("null", 403),
        ):
            asked = await visit.client.options(
                "/in/website/f/anruf",
                headers={"origin": origin, "access-control-request-method": "POST"},
            )
            answer = await visit.post("f/anruf", CALL, headers={"origin": origin})
            assert (asked.status_code == 204, answer.status_code) == (status == 200, status)
            allowed = origin if status == 200 else None
            assert answer.headers.get("access-control-allow-origin") == allowed
            assert asked.headers.get("access-control-allow-origin") == allowed
            assert "Origin" in answer.headers["vary"]
            assert "access-control-allow-credentials" not in answer.headers
        assert len(visit.context.cases) == 1


async def test_servers_of_tools_have_few_addresses() -> None:
    form = {"kind": "callback", "tool": "gravity", "fields": {"phone": "2"}, "key": KEY}
    async with visiting(forms={"news": form}, per_address=5, in_all=30) as visit:
        answers = [
            (await send(visit, {**GRAVITY, "id": str(at)}, JSON)).status_code for at in range(40)
        ]
        assert (answers.count(200), answers.count(429)) == (30, 10)
