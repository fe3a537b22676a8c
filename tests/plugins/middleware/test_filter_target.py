"""Where links and pictures really lead: fetched, judged for a phone, tried again, never stalling."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.api import Drop, FetchError, Hold, Message
from gateway.testing import NOW, Answer, FakeContext, judged, make, message, started
from gateway_plugins.middleware.filter import Filter
from gateway_plugins.middleware.filter.head import head_of

LINK = "https://blog.example/post"
IMAGE = "https://blog.example/1.jpg"
PAGE = (
    b"<!doctype html><html><head><title>Ein Beitrag</title>"
    b'<meta name="viewport" content="width=device-width"></head><body>Text</body></html>'
)
HTML = {"content-type": "text/html; charset=utf-8"}
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 40
OURS = {"allowed_hosts": ["blog.example"]}
BLOCKED = "blocked_link"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\x02"


@asynccontextmanager
async def looking(answer: Any, **settings: Any) -> AsyncIterator[tuple[Filter, FakeContext]]:
    context = FakeContext("filter")
    context.http.answers[f"GET {LINK}"] = answer
    context.http.answers[f"GET {IMAGE}"] = answer
    async with started(make(Filter, **settings), context) as plugin:
        yield plugin, context


async def verdict(answer: Any, **settings: Any) -> tuple[str, str]:
    """Return (code, text) of what becomes of a post with that link; both empty if it passes."""
    async with looking(answer, check_link=True, **settings) as (plugin, _):
        found = await judged(plugin, message(link=LINK))
    if isinstance(found, Message):
        assert found.notes == ("filter passed, score 0 of 5, link looked at",)
        return "", ""
    assert (
        isinstance(found, Drop) or found.until is None or found.until == NOW + timedelta(minutes=1)
    )
    return found.code, found.text


def page(head: str) -> Answer:
    return Answer(200, f"<html><head>{head}</head>".encode(), HTML)


FINE = '<meta content="width=device-width" name=viewport>'


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (Answer(200, PAGE, HTML), "", ""),
        (Answer(200, PAGE, HTML, f"{LINK}/"), "", ""),
        (Answer(200, b"x", {"content-type": "image/jpeg"}), "", ""),
        (Answer(200, b"x", {"content-type": "video/mp4"}), "", ""),
        (Answer(404, PAGE, HTML), "link_gone", "the link answers 404, nothing is there"),
        (Answer(410), "link_gone", "410"),
        (Answer(401), "link_unfit", "asks for a password (401)"),
        (Answer(403), "link_unfit", "is refused to the gateway (403)"),
        (Answer(418), "link_unfit", "gives no page (418)"),
        (Answer(500), "link_down", "the link's server answers 500; it is tried again"),
        (Answer(503), "link_down", "503"),
        (Answer(429), "link_down", "429"),
        (Answer(200, b"%PDF", {"content-type": "application/pdf"}), "link_unfit", "is a PDF"),
        (Answer(200, b"PK", {"content-type": "application/zip"}), "link_unfit", "is a file"),
        (Answer(200, PAGE, {}), "link_unfit", "of no known type"),
        (
            Answer(200, PAGE, HTML | {"content-disposition": 'Attachment; filename="a.html"'}),
            "link_unfit",
            "is a download",
        ),
        (Answer(200, PAGE, HTML, "http://blog.example/post"), "link_unfit", "http://, phones warn"),
        (Answer(200, PAGE, HTML, "https://blog.example/"), "link_gone", "leads to the home page"),
        (Answer(200, PAGE, HTML, "https://blog.example/de/"), "link_gone", "home page"),
        (Answer(200, PAGE, HTML, "https://blog.example/login?to=/post"), "link_unfit", "a login"),
        (Answer(200, PAGE, HTML, "https://blog.example/de/anmelden"), "link_unfit", "a login"),
        (page(f"<title>404 - Seite nicht gefunden</title>{FINE}"), "link_gone", "calls itself"),
        (page(f"<title>Page not found – Blog</title>{FINE}"), "link_gone", "calls itself"),
        (page(f"<title>Error 404</title>{FINE}"), "link_gone", "calls itself"),
        (page(f"<title>404 Tage im Amt</title>{FINE}"), "", ""),
        (page(f"<title>Verloren und gefunden</title>{FINE}"), "", ""),
        (page(FINE), "link_unfit", "has no title"),
        (page("<title>Alt</title>"), "link_unfit", "not made for phones"),
        (page(f"<title>Alt</title><!-- {FINE} -->"), "link_unfit", "not made for phones"),
        (FetchError("dns", "h"), "link_down", "its host is not known; it is tried again"),
        (FetchError("connect", "h"), "link_down", "nobody takes the connection"),
        (FetchError("tls", "h"), "link_down", "certificate"),
        (FetchError("read_timeout", "h"), "link_down", "no answer within 10 s"),
        (FetchError("too_large", "h"), "link_unfit", "larger than 2 MB: a heavy page"),
        (FetchError("redirects", "h"), "link_unfit", "redirects more than 5 times"),
        (FetchError("private_address", "h"), "link_unfit", "a private network"),
    ],
)
async def test_where_a_link_leads(answer: Any, code: str, said: str) -> None:
    """A page that a phone can show, or a reason that a marketer understands."""
    found, text = await verdict(answer)
    assert found == code
    assert said in text


@pytest.mark.parametrize(
    ("answer", "settings", "code"),
    [
        (Answer(200, PAGE, HTML, "https://evil.example/"), {"blocked_hosts": ["evil.example"]}, BLOCKED),
        (Answer(404, PAGE, HTML, "https://evil.example/"), OURS, BLOCKED),
        (Answer(200, PAGE, HTML, "https://www.blog.example/post"), OURS, ""),
        (
            page(f'<title>x</title>{FINE}<meta http-equiv=refresh content="0; url=https://evil.example">'),
            OURS,
            BLOCKED,
        ),
        (
            page(f'<title>x</title>{FINE}<meta http-equiv=refresh content="0;url=/weiter">'),
            OURS,
            "",
        ),
    ],
)  # fmt: skip
async def test_it_may_not_lead_on_to_other_hosts(
    answer: Any, settings: dict[str, Any], code: str
) -> None:
    """Allowed and blocked hosts count for the end of the way too."""
    assert (await verdict(answer, **settings))[0] == code


async def test_it_is_tried_again_for_an_hour() -> None:
    """Each time a little later; then a person looks, who may release it."""
    async with looking(Answer(503), check_link=True) as (plugin, context):
        post = message(link=LINK, accepted_at=NOW)
        waits, tries = [], 0
        while tries < 30:
            found = await judged(plugin, post)
            assert isinstance(found, Hold)
            tries += 1
            if found.until is None:
                break
            waits.append((found.until - context.clock.now()) / timedelta(minutes=1))
            context.clock.at = found.until
        assert waits == [1, 1, 2, 4, 8, 10, 10, 10, 10, 10]
        assert "for an hour now" in found.text
        assert isinstance(await judged(plugin, post.replace(approved=("link_down",))), Message)
        context.http.answers[f"GET {LINK}"] = Answer(404)
        gone = await judged(plugin, post.replace(approved=("link_down",)))
        assert isinstance(gone, Hold)
        assert gone.code == "link_gone"


async def test_a_server_that_hangs(autojump_clock: MockClock) -> None:
    """Ten seconds, then later; the filter itself never runs into its own limit."""
    async with looking(Answer(200, PAGE, HTML), check_link=True, check_image=True) as (plugin, c):

        async def hangs(*_: Any, **__: Any) -> None:
            await trio.sleep_forever()

        c.http.get = hangs  # type: ignore[method-assign, assignment]
        begun = trio.current_time()
        found = await judged(plugin, message(link=LINK, image=IMAGE))
        assert isinstance(found, Hold)
        assert found.code == "link_down"
        assert "no answer within 10 s" in found.text
        assert trio.current_time() - begun < Filter.timeout


@pytest.mark.parametrize(
    ("answer", "code", "said"),
    [
        (Answer(200, JPEG, {"content-type": "image/jpeg"}), "", ""),
        (Answer(200, PNG, {"content-type": "image/png"}), "", ""),
        (Answer(200, PNG[:-2] + b"\x10\2", {"content-type": "image/png"}), "image_unfit", "16 bits"),
        (Answer(200, JPEG, {"content-type": "text/plain"}), "image_unfit", "calls it text/plain"),
        (Answer(200, b"RIFF\0\0\0\0WEBPVP8 ", {"content-type": "image/webp"}), "image_unfit", "WebP"),
        (Answer(200, b"RIFF\0\0\0\0WEBPVP8 ", {"content-type": "image/jpeg"}), "image_unfit", "WebP"),
        (Answer(200, b"GIF89a", {"content-type": "image/gif"}), "image_unfit", "is GIF"),
        (Answer(200, b" <svg xmlns=''>", {"content-type": "image/svg+xml"}), "image_unfit", "SVG"),
        (Answer(200, b"\0\0\0 ftypavif", {"content-type": "image/avif"}), "image_unfit", "AVIF"),
        (Answer(200, PAGE, HTML), "image_unfit", "is text/html"),
        (Answer(200, b"", {}), "image_unfit", "of no known type"),
        (Answer(404), "image_unfit", "404"),
        (Answer(502), "image_down", "502"),
        (FetchError("connect", "h"), "image_down", "it is tried again"),
        (FetchError("too_large", "h"), "image_unfit", "larger than 5 MB"),
    ],
)  # fmt: skip
async def test_pictures(answer: Any, code: str, said: str) -> None:
    """What WhatsApp takes: JPEG or PNG, at most 5 MB."""
    async with looking(answer, check_image=True) as (plugin, _):
        found = await judged(plugin, message(link=LINK, image=IMAGE))
        assert ("" if isinstance(found, Message) else found.code) == code
        if isinstance(found, Hold):
            assert said in found.text
            released = await judged(plugin, message(image=IMAGE, approved=(code,)))
            assert isinstance(released, Message)


async def test_nothing_is_fetched_unasked() -> None:
    """Off by default; only links are, and only to public addresses unless the settings say so."""
    async with looking(Answer(404)) as (plugin, context):
        assert isinstance(await judged(plugin, message(link=LINK, image=IMAGE)), Message)
        assert context.http.asked == []
    for settings, public in (({}, True), ({"check_private": True}, False)):
        async with looking(Answer(404), check_link=True, **settings) as (plugin, context):
            assert isinstance(await judged(plugin, message(link="")), Message)
            asked: list[dict[str, Any]] = []

            async def get(url: str, *_: Any, asked: Any = asked, **more: Any) -> Answer:
                asked.append(more)
                return Answer(404, url=url)

            context.http.get = get  # type: ignore[method-assign, assignment]
            await judged(plugin, message(link=LINK))
            assert asked == [{"max_bytes": 2_000_000, "follow_redirects": 5, "public_only": public}]


@pytest.mark.parametrize(
    "unit",
    ["<!--", "<a ", "<!", "<![CDATA[", "</", '<a href="', "<meta ", "<meta b=", "<meta a=b>",
     "<script>", "<script><meta a=b>", "<!--<meta a=b>", "<meta a=\"<meta a=b>", "<title>", "<"],
)  # fmt: skip
def test_no_page_stalls_the_gateway(unit: str) -> None:
    """A megabyte made to be hard to parse; html.parser needs 38 s for 64 KB of some of these."""
    body = unit.encode() * (1_000_000 // len(unit))
    head_of(PAGE)
    begun = time.process_time()
    head_of(body)
    assert time.process_time() - begun < 0.5  # at most 30 ms on an idle machine


def test_heads() -> None:
    """Attributes in any order and quotes, entities, any encoding, comments and scripts aside."""
    found = head_of(
        "<script>'<title>Nein</title>'</script><!--<title>Nein</title>--><TITLE lang=de>\n Ä &amp; Ö"
        "\n</TITLE><meta content='a > b' property=og:description><meta name=description content=zwei>"
        '<input type="password"><meta property="og:image" content="/1.jpg">'
        .encode("latin-1"),
        "text/html; charset=ISO-8859-1",
    )  # fmt: skip
    assert (found.title, found.description, found.image) == ("Ä & Ö", "a > b", "/1.jpg")
    assert found.password
    assert not found.viewport
    assert head_of(b'<meta charset="nonsense"><title>x</title>').title == "x"
    assert head_of(b"").title == ""
