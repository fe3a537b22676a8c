"""The demo's visitor: signs up on a page as a browser would, and says what was missing."""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
import trio

from gateway_sandbox.server import Response, Server
from gateway_sandbox.visitor import NotOffered, sign_up

FORM = b"""<form method="post" action="/in/website/"><input type="checkbox" name="topics"
value="blog"><input name="website"><input type="hidden" name="token" value="a.b&amp;c"></form>"""
SEND = b"""<a href="/other?text=no">o</a>
<a class="button" href="http://127.0.0.1:1/wa.me/49171?text=START%20blog%20K7F3">Weiter</a>"""


async def served(nursery, handle):
    """Serve pages on loopback; return their address."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(Server(handle, trio.current_time).serve, listeners)
    return f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/in/website/"


async def test_a_visitor_signs_up_as_a_browser_would(nursery):
    """Every field is posted, boxes ticked, what people do not see left alone; then 303."""
    posted = []

    async def handle(request):
        if request.method == "POST":
            posted.append(parse_qs(request.body.decode(), keep_blank_values=True))
            return Response(status=303, headers=(("Location", "/in/website/s/1"),))
        return Response(
            body=SEND if request.path.endswith("/s/1") else FORM,
            content_type="text/html; charset=utf-8",
        )

    offered = await sign_up(await served(nursery, handle))
    assert offered.text == "START blog K7F3"
    assert "/wa.me/49171" in offered.link
    assert posted == [{"topics": ["blog"], "website": [""], "token": ["a.b&c"]}]


@pytest.mark.parametrize(
    ("page", "status", "why"),
    [
        (b"<p>closed</p>", 200, "no form"),
        (FORM, 200, "opens WhatsApp"),
        (FORM, 503, "503"),
    ],
)
async def test_a_website_that_offers_nothing_is_named(nursery, page, status, why):
    async def handle(request):
        return Response(status=status, body=page, content_type="text/html; charset=utf-8")

    with pytest.raises(NotOffered, match=why):
        await sign_up(await served(nursery, handle))
