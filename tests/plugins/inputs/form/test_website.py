"""The sign-up page: what is asked, what is kept, and what robots and floods get."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import altcha
import pytest

from gateway.api import ConfigError
from gateway.testing import NOW
from gateway_plugins.inputs.form.captcha import COST
from tests.plugins.inputs.form.browsing import BLOG, HTML, NUMBER, hidden, person, visiting, words


async def test_the_page_asks_for_consent_and_never_for_it_already_given() -> None:
    async with visiting() as visit:
        page = await visit.get()
        assert page.status_code == 200
        read = words(page.text)
        assert "Ich bin einverstanden, dass Beispiel GmbH mir über WhatsApp schickt:" in read
        assert "höchstens dreimal pro Woche" in read
        assert "STOP" in read
        assert page.text.count('type="checkbox"') == 2, "nobody signs up to a closed topic"
        assert "checked" not in re.sub(r"<style>.*?</style>", "", page.text, flags=re.DOTALL)
        assert "https://blog.example/impressum" in page.text
        assert "https://blog.example/datenschutz" in page.text
        assert "Zur Prüfung, bitte unverändert lassen" in read
        assert "<script" not in page.text
        assert not re.search(r'(src|href)="(?!data:|https://blog\.example|\?lang|/in/)', page.text)


async def test_pages_are_locked_down() -> None:
    async with visiting() as visit:
        page = await visit.get()
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["referrer-policy"] == "same-origin"
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["x-frame-options"] == "DENY"
    async with visiting(embed=["https://www.blog.example"]) as visit:
        framed = (await visit.get()).headers
        policy = framed["content-security-policy"]
        assert "x-frame-options" not in framed
        assert "frame-ancestors https://www.blog.example" in policy


async def test_a_sign_up_waits_under_a_code_with_all_that_was_agreed_to() -> None:
    async with visiting(headers={"user-agent": "Testbrowser"}) as visit:
        shown = words((await visit.get()).text)
        answer = await visit.sign_up("blog")
        assert answer.status_code == 303
        (kept,) = visit.context.sign_ups
        at = visit.context.clock.now()
        assert (kept.topics, kept.source, kept.language) == (("blog",), "form website", "de")
        assert (kept.at, kept.expires_at) == (at, at + timedelta(days=1))
        assert not kept.reusable
        assert kept.evidence == {
            "page": "https://wa.blog.example/in/website/",
            "ip": "192.0.2.7",
            "user_agent": "Testbrowser",
        }
        assert kept.wording is not None
        assert (kept.wording.language, kept.wording.purpose) == ("de", BLOG.purpose)
        assert kept.wording.version.endswith("blog:1")
        for line in kept.wording.text.splitlines():
            plain = re.sub(r"\s*:", ":", shown.replace(" :", ":"))
            assert line.replace(" :", ":") in plain, "kept is what stood there, word for word"
        assert "Termine" not in kept.wording.text
        assert visit.context.new_people == [], "no number is asked, none is kept"
        assert visit.taken("stored") == 1
        assert visit.context.health[-1].note == "1 sign-up today"


async def test_the_next_page_opens_whatsapp_with_the_code() -> None:
    async with visiting() as visit:
        answer = await visit.sign_up("blog")
        where = answer.headers["location"]
        code = visit.context.sign_ups[0].code
        step = await visit.client.get(where)
        link = re.search(r'href="(https://wa\.me/[^"]+)"', step.text)
        assert link
        parts = urlsplit(link[1])
        assert parts.path == "/49301234567"
        assert parse_qs(parts.query)["text"] == [f"START blog {code}"]
        assert '<svg xmlns="http://www.w3.org/2000/svg"' in step.text
        assert "03.03.2026, 10:00" in words(step.text), "as the company's zone has it"
        assert NUMBER not in where
        visit.context.clock.forward(86_400)
        over = await visit.client.get(where)
        assert over.status_code == 410
        assert 'href="/in/website/?lang=de"' in over.text
        forged = await visit.client.get(where.replace("/s/", "/s/A"))
        assert forged.status_code == 410


async def test_several_topics_have_one_code() -> None:
    async with visiting() as visit:
        answer = await visit.sign_up("blog", "termine", "intern", "'; DROP TABLE sign_ups; --")
        (kept,) = visit.context.sign_ups
        assert kept.topics == ("blog", "termine")
        step = await visit.client.get(answer.headers["location"])
        assert f"START%20{kept.code}" in step.text
        assert kept.wording is not None
        assert kept.wording.version.endswith("blog:1 termine:1")


@pytest.mark.parametrize(
    ("query", "accept", "language"),
    [
        ("", "", "de"), ("", "en-GB,en;q=0.9,de;q=0.5", "en"), ("", "fr,de;q=0.5", "de"),
        ("?lang=en", "de", "en"), ("?lang=xx", "en", "en"), ("?lang=%00'", "", "de"),
    ],
)  # fmt: skip
async def test_languages(query: str, accept: str, language: str) -> None:
    async with visiting() as visit:
        page = await visit.get(query, accept_language=accept)
        assert f'<html lang="{language}">' in page.text
        assert hidden(page.text, "lang") == language


async def test_one_topic_alone() -> None:
    async with visiting() as visit:
        page = await visit.get("?topic=termine&topic=intern")
        assert page.text.count('type="checkbox"') == 1
        assert 'value="termine"' in page.text
        assert (await visit.get("?topic=nothing")).text.count('type="checkbox"') == 2


async def test_the_number_of_the_settings_wins_and_one_is_needed() -> None:
    async with visiting(number="+49 30 7654321", wa_me="http://127.0.0.1:23001/wa") as visit:
        answer = await visit.sign_up("blog")
        step = await visit.client.get(answer.headers["location"])
        assert "http://127.0.0.1:23001/wa/49307654321?text=" in step.text
    async with visiting() as visit:
        visit.context.addresses.clear()
        answer = await visit.sign_up("blog")
        assert answer.status_code == 503
        assert "Die Anmeldung geht gerade nicht" in words(answer.text)
        assert visit.kept == 0


async def test_a_page_without_a_number_tells_the_company(caplog: pytest.LogCaptureFixture) -> None:
    """In the log once, and in the check for lawful operation; with a number nothing is missing."""
    async with visiting() as visit:
        assert await visit.plugin.concerns() == ()
        visit.context.addresses.clear()
        for _ in range(2):
            assert (await visit.sign_up("blog")).status_code == 503
        (concern,) = await visit.plugin.concerns()
        assert concern.weight == "missing"
    assert caplog.text.count("write [senders.…] number") == 1


# --- robots -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wait", "fields", "status", "reason"),
    [
        (10, {"website": "http://spam.example"}, 303, "honeypot"),
        (1, {}, 422, "too_fast"),
        (10, {"token": ""}, 422, "stale"),
        (10, {"token": "x" * 4000}, 422, "stale"),
        (90_000, {}, 422, "stale"),
    ],
)
async def test_robots_are_kept_out(
    wait: float, fields: dict[str, str], status: int, reason: str
) -> None:
    async with visiting() as visit:
        answer = await visit.sign_up("blog", wait=wait, **fields)
        assert (answer.status_code, visit.kept) == (status, 0)
        assert visit.refused(reason) == 1


async def test_a_robot_sees_what_a_person_sees() -> None:
    async with visiting() as visit:
        answer = await visit.sign_up("blog", website="x")
        step = await visit.client.get(answer.headers["location"])
        assert step.status_code == 200
        assert "START%20blog%20" in step.text


async def test_who_was_too_fast_presses_once_more() -> None:
    async with visiting() as visit:
        answer = await visit.sign_up("blog", wait=1)
        assert "Bitte drücke noch einmal" in words(answer.text)
        assert 'value="blog" checked' in answer.text, "the person's own tick stays"
        assert 'value="termine" checked' not in answer.text
        visit.context.clock.forward(3)
        data = {"token": hidden(answer.text, "token"), "topics": "blog"}
        assert (await visit.post(data=data)).status_code == 303
        assert visit.kept == 1


async def test_a_tick_is_needed() -> None:
    async with visiting() as visit:
        answer = await visit.sign_up()
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
        assert "Kreuze an" in words(answer.text)
        assert (visit.kept, visit.refused("not_agreed")) == (0, 1)


async def test_a_token_of_another_form_is_none() -> None:
    async with visiting() as visit:
        token = visit.context.links.token("form", int(NOW.timestamp()), extra="rueckruf")
        answer = await visit.sign_up("blog", token=token)
        assert (answer.status_code, visit.kept) == (422, 0)
        token = visit.context.links.token("withdraw", int(NOW.timestamp()))
        assert (await visit.sign_up("blog", token=token)).status_code == 422


async def test_ten_thousand_sign_ups_from_one_address() -> None:
    async with visiting(headers={"x-forwarded-for": "203.0.113.9"}) as visit:
        token = hidden((await visit.get()).text, "token")
        visit.context.clock.forward(10)
        answers = [
            (await visit.post(data={"token": token, "topics": "blog"})).status_code
            for _ in range(10_000)
        ]
        assert (answers.count(303), answers.count(429)) == (20, 9980)
        assert visit.kept == 20
        assert visit.refused("rate") == 9980
        late = await visit.post(data={"token": token, "topics": "blog"})
        assert late.headers["retry-after"] == "3600"
        visit.context.clock.forward(3601)
        assert (await visit.post(data={"token": token, "topics": "blog"})).status_code == 303


async def test_all_addresses_together_have_a_limit() -> None:
    async with visiting(peer=("127.0.0.1", 1), in_all=50) as visit:
        token = hidden((await visit.get()).text, "token")
        visit.context.clock.forward(10)
        answers = []
        for at in range(80):
            headers = {"x-forwarded-for": f"2001:db8:0:{at:x}::1"}
            data = {"token": token, "topics": "blog"}
            answers.append((await visit.post(data=data, headers=headers)).status_code)
        assert (answers.count(303), answers.count(429)) == (50, 30)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"origin": "https://wa.blog.example"}, 303),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://wa.blog.example.evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[x"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
    ],
)
async def test_whose_page_may_post(headers: dict[str, str], status: int) -> None:
    async with visiting() as visit:
        token = hidden((await visit.get()).text, "token")
        visit.context.clock.forward(10)
        answer = await visit.post(data={"token": token, "topics": "blog"}, headers=headers)
        assert answer.status_code == status
        assert visit.kept == (status == 303)


async def test_a_taken_code_is_not_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter(["AAAAA", "AAAAA", "AAAAA", "BBBBB"])
    monkeypatch.setattr("gateway_plugins.inputs.form.signing_up.new_code", lambda: next(codes))
    async with visiting() as visit:
        await visit.sign_up("blog")
        await visit.sign_up("blog")
        assert [one.code for one in visit.context.sign_ups] == ["AAAAA", "BBBBB"]
        assert visit.context.health[-1].note == "2 sign-ups today"


async def test_looking_does_nothing() -> None:
    async with visiting() as visit:
        for path in ("", "?topics=blog&token=x", "s/x", "asked", "captcha"):
            for method in ("GET", "HEAD"):
                await visit.client.request(method, f"/in/website/{path}")
        assert visit.kept == 0
        assert visit.context.state.values == {}


# --- the captcha --------------------------------------------------------------------------------
async def test_with_a_captcha_a_browser_has_to_work() -> None:
    async with visiting(captcha=True) as visit:
        visit.context.clock.at = datetime.now(UTC)  # the library asks the system
        page = await visit.get()
        assert "script-src 'sha256-" in page.headers["content-security-policy"]
        assert "START blog" in page.text or "START" in words(page.text), "the way without script"
        made = (await visit.get("captcha")).json()
        assert made["parameters"]["cost"] == COST
        solution = altcha.solve_challenge(altcha.Challenge.from_dict(made))
        assert solution is not None
        payload = altcha.Payload(altcha.Challenge.from_dict(made), solution).to_base64()
        assert (await visit.sign_up("blog")).status_code == 422
        assert (await visit.sign_up("blog", altcha=payload)).status_code == 303
        assert (await visit.sign_up("blog", altcha=payload)).status_code == 422, "used"
        assert (visit.kept, visit.refused("captcha")) == (1, 2)


# --- with a typed number ------------------------------------------------------------------------
async def ask(visit: Any, number: str, *topics: str) -> int:
    return int((await visit.sign_up(*(topics or ("blog",)), phone=number)).status_code)


async def test_a_typed_number_is_a_request_and_no_consent() -> None:
    async with visiting(sign_up="template") as visit:
        assert "Deine Handynummer" in words((await visit.get()).text)
        answer = await visit.sign_up("blog", "termine", phone=" 0171/3920 00-33 ")
        assert answer.headers["location"] == "/in/website/asked?lang=de"
        (made,) = visit.context.new_people
        assert [one.value for one in made.identities] == [NUMBER]
        assert [(one.name, one.topic) for one in made.events] == [
            ("requested", "blog"),
            ("requested", "termine"),
        ]
        assert made.events[0].wording is not None
        assert made.events[0].evidence["ip"] == "192.0.2.7"
        assert NUMBER not in answer.headers["location"]
        assert not any(NUMBER[1:] in key for key in visit.context.state.values)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("", "no_number"), ("12", "bad_number"), ("0171 39 2000", "bad_number"),
        ("+49 30 1234567", "no_mobile"), ("0900 1234567", "no_mobile"),
        ("+49 180 5123456", "no_mobile"), ("0800 1234567", "no_mobile"),
        ("+1 555 0100", "bad_number"), ("<script>", "bad_number"), ("1" * 5000, "bad_number"),
        ("'; DROP TABLE contacts; --", "bad_number"),
    ],
)  # fmt: skip
async def test_what_is_no_mobile_number_is_refused_with_a_sentence(
    number: str, reason: str
) -> None:
    async with visiting(sign_up="template") as visit:
        answer = await visit.sign_up("blog", phone=number)
        assert (answer.status_code, visit.kept, visit.refused(reason)) == (422, 0, 1)
        assert visit.context.texts.say(f"forms.{reason}") in words(answer.text)
        assert "<script>" not in answer.text


async def test_foreign_mobile_numbers_may_sign_up() -> None:
    async with visiting(sign_up="template") as visit:
        assert await ask(visit, "+43 664 1234567") == 303
        assert [one.identities[0].value for one in visit.context.new_people] == ["+436641234567"]


async def test_somebody_elses_number_is_asked_seldom() -> None:
    async with visiting(sign_up="template", per_address=1000) as visit:
        for day in range(10):
            for _ in range(3):
                assert await ask(visit, NUMBER) == 303, "the answer says nothing"
            visit.context.clock.forward(86_400)
            assert len(visit.context.new_people) == min(day + 1, 3)
        assert visit.taken("known") == 27


async def test_who_said_yes_is_not_asked_again_for_the_same() -> None:
    async with visiting(sign_up="template") as visit:
        visit.context.contacts[7] = person(7, ("blog", "confirmed"))
        assert await ask(visit, NUMBER) == 303
        assert visit.context.new_people == []
        assert await ask(visit, NUMBER, "blog", "termine") == 303
        (made,) = visit.context.new_people
        assert [one.topic for one in made.events] == ["termine"]


@pytest.mark.parametrize("state", ["withdrawn", "refused"])
@pytest.mark.parametrize("topic", ["blog", "*"])
async def test_who_said_no_is_not_asked_because_somebody_typed_the_number(
    state: str, topic: str
) -> None:
    """The page answers as always; the person's own START works all the same."""
    async with visiting(sign_up="template") as visit:
        visit.context.contacts[7] = person(7, (topic, state))
        assert await ask(visit, NUMBER) == 303
        assert visit.context.new_people == []


async def test_two_posts_at_once_are_one_question() -> None:
    import trio

    async with visiting(sign_up="template") as visit:
        token = hidden((await visit.get()).text, "token")
        visit.context.clock.forward(10)
        data = {"token": token, "topics": "blog", "phone": NUMBER}
        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(lambda: visit.post(data=data, headers=HTML))
        assert len(visit.context.new_people) == 1


async def test_the_mode_without_a_number_ignores_one() -> None:
    async with visiting() as visit:
        await visit.sign_up("blog", phone=NUMBER)
        assert visit.context.new_people == []
        assert NUMBER not in repr(visit.context.sign_ups)


# --- the operator -------------------------------------------------------------------------------
async def test_the_count_of_the_day_survives_a_restart() -> None:
    async with visiting() as visit:
        await visit.sign_up("blog")
        await visit.sign_up("blog")
        assert visit.context.health[-1].note == "2 sign-ups today"
        stored = visit.context.state.values["today"]
        visit.context.clock.forward(86_400)
        await visit.sign_up("blog")
        assert visit.context.health[-1].note == "1 sign-up today"
        assert stored != visit.context.state.values["today"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"topics": ["nothing"]}, r"\[inputs.website\] topics: there is no \[topics.nothing\]"),
        ({"topics": ["intern"]}, "'intern' is closed"),
    ],
)
async def test_topics_that_nobody_may_choose(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        async with visiting(**settings):
            pass
