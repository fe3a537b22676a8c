"""The page behind a personal link: looking does nothing, buttons do, strangers get a way too."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from gateway.api import Preference
from gateway.testing import NOW
from tests.plugins.inputs.form.browsing import NUMBER, Visit, person, visiting, words

BOTH = (("blog", "confirmed"), ("termine", "requested"))


def known(visit: Visit, *consents: tuple[str, str], **changes: Any) -> str:
    """Make somebody known and return the path of the personal link."""
    contact = person(7, *(consents or BOTH))
    visit.context.contacts[7] = msgspec.structs.replace(contact, **changes)
    return "w/" + visit.context.links.token("withdraw", 7)


async def test_it_shows_what_somebody_gets_and_no_personal_data_in_the_address() -> None:
    async with visiting() as visit:
        path = known(visit)
        page = await visit.get(path)
        read = words(page.text)
        assert page.status_code == 200
        assert "+49 171 *** 033" in read
        assert NUMBER not in page.text
        assert "Neue Beiträge" in read
        assert "wartet auf dein Ja" in read
        assert "Von allem abmelden" in read
        assert "Vier Wochen Pause" in read
        assert page.text.count('method="post"') == 5
        assert page.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_looking_does_nothing(method: str) -> None:
    async with visiting() as visit:
        path = known(visit)
        for query in ("", "?act=all", "?act=topic&topic=blog", "?List-Unsubscribe=One-Click"):
            answer = await visit.client.request(method, f"/in/website/{path}{query}")
            assert answer.status_code == 200
        assert visit.context.withdrawn == []
        assert visit.context.preferences == []


@pytest.mark.parametrize(
    ("data", "withdrawn", "told"),
    [
        ({"act": "all"}, (7, None), "von allem abgemeldet"),
        ({"act": "topic", "topic": "blog"}, (7, "blog"), "von „Neue Beiträge“ abgemeldet"),
        ({"act": "all", "lang": "en"}, (7, None), "unsubscribed from everything"),
    ],
)
async def test_a_button_withdraws(
    data: dict[str, str], withdrawn: tuple[int, str | None], told: str
) -> None:
    async with visiting() as visit:
        path = known(visit)
        answer = await visit.post(path, data)
        assert answer.status_code == 200
        assert told in words(answer.text)
        assert 'role="status"' in answer.text
        assert visit.context.withdrawn == [withdrawn]
        assert visit.context.figure("page_acts_total", act=data["act"]) == 1
        again = await visit.post(path, data)
        assert again.status_code == 200, "pressing twice is no mistake"


async def test_one_click_as_mail_programs_do_it() -> None:
    """RFC 8058: no page is asked for, and no page is needed."""
    async with visiting() as visit:
        path = known(visit)
        answer = await visit.post(path, {"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.text) == (200, "ok")
        assert visit.context.withdrawn == [(7, None)]


async def test_evidence_says_how_but_not_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with visiting(headers={"user-agent": "Testbrowser"}) as visit:
        kept = []

        async def withdraw(contact: int, *, topic: str | None = None, evidence: Any = None) -> None:
            kept.append(dict(evidence))

        monkeypatch.setattr(visit.context, "withdraw", withdraw)
        await visit.post(known(visit), {"act": "all"})
        assert kept == [
            {
                "page": "https://wa.blog.example/in/website/w/",
                "ip": "192.0.2.7",
                "user_agent": "Testbrowser",
                "way": "personal link",
            }
        ]


@pytest.mark.parametrize(
    ("act", "wish"),
    [
        ("pause", Preference(contact=7, paused_until=NOW + timedelta(days=28))),
        ("resume", Preference(contact=7, paused_until=NOW)),
        ("once", Preference(contact=7, per_week=1)),
        ("often", Preference(contact=7, per_week=0)),
    ],
)
async def test_less_often(act: str, wish: Preference) -> None:
    async with visiting() as visit:
        answer = await visit.post(known(visit), {"act": act})
        assert answer.status_code == 200
        assert visit.context.preferences == [wish]
        assert visit.context.withdrawn == []


async def test_what_is_so_can_be_turned_back() -> None:
    async with visiting() as visit:
        path = known(visit, paused_until=NOW + timedelta(days=3), per_week=1)
        read = words((await visit.get(path)).text)
        assert "Pause bis 05.03.2026" in read
        assert "Pause beenden" in read
        assert "Wieder alle" in read
        assert "Vier Wochen Pause" not in read


@pytest.mark.parametrize("consents", [(("blog", "withdrawn"),), (("*", "withdrawn"),)])
async def test_who_gets_nothing_is_told_so_and_how_to_come_back(
    consents: tuple[tuple[str, str], ...],
) -> None:
    async with visiting() as visit:
        read = words((await visit.get(known(visit, *consents))).text)
        assert "Du bekommst keine Nachrichten" in read
        assert "START in WhatsApp an +49 30 1234567" in read
        assert "Von allem abmelden" not in read


async def test_forged_foreign_and_old_links_act_on_nothing() -> None:
    async with visiting() as visit:
        path = known(visit)
        links = visit.context.links
        for token in (
            "x",
            path[2:-1],
            path[2:] + "A",
            "%00",
            "a" * 3000,
            links.token("answer", 7),
            links.token("form", 7),
            links.token("withdraw", 8),
            links.token("withdraw", 7, until=NOW - timedelta(seconds=1)),
        ):
            for method in ("GET", "POST"):
                answer = await visit.client.request(
                    method, f"/in/website/w/{token}", content=b"act=all"
                )
                assert answer.status_code == 404
                assert "STOP" in words(answer.text), "the way that always works"
        assert visit.context.withdrawn == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({}, 400),
        ({"act": "nothing"}, 400),
        ({"act": "topic"}, 400),
        ({"act": "topic", "topic": "intern"}, 400),
        ({"act": "topic", "topic": "'; DROP TABLE contacts; --"}, 400),
    ],
)
async def test_what_is_no_button_does_nothing(data: dict[str, str], status: int) -> None:
    async with visiting() as visit:
        answer = await visit.post(known(visit), data)
        assert answer.status_code == status
        assert visit.context.withdrawn == []


async def test_the_page_speaks_the_persons_language() -> None:
    async with visiting() as visit:
        path = known(visit, language="en")
        assert '<html lang="en">' in (await visit.get(path, accept_language="de")).text
        assert '<html lang="de">' in (await visit.get(f"{path}?lang=de")).text
