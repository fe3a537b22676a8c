"""The frame of every page: strict headers, nothing from elsewhere, what people wrote as text."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode

import pytest

from gateway.testing import FakeContext
from gateway_plugins.pages import STYLE, page, paragraphs

EVIL = "<script>alert(1)</script>\"'&"


def hashed(content: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def policy(**more: list[str]) -> dict[str, str]:
    answer = page(FakeContext(), "Titel", "<p>x</p>", language="de", **more)
    parts = answer.headers["content-security-policy"].split("; ")
    return dict(part.split(" ", 1) for part in parts)


@pytest.mark.parametrize(
    ("title", "window"),
    [
        ("Titel", "Titel – Beispiel GmbH"),
        ("Beispiel GmbH auf WhatsApp", "Beispiel GmbH auf WhatsApp"),
    ],
)
def test_the_window_names_the_company_once(title: str, window: str) -> None:
    content = bytes(page(FakeContext(), title, "", language="de").body).decode()
    assert f"<title>{window}</title>" in content


def test_nothing_comes_from_elsewhere() -> None:
    """The policy names the one style sheet by its hash, which the browser computes anew."""
    found = policy()
    assert found == {
        "default-src": "'none'",
        "style-src": hashed(STYLE),
        "img-src": "'self' data:",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    content = bytes(page(FakeContext(), "T", "", language="de").body).decode()
    (style,) = re.findall(r"<style>(.*?)</style>", content, re.DOTALL)
    assert hashed(style) == found["style-src"]
    assert not re.findall(r"url\(|@import|src=", content)


def test_scripts_run_by_their_hash_alone() -> None:
    found = policy(scripts=["let a = 1"])
    assert found["script-src"] == hashed("let a = 1")
    assert policy(embedded_by=["https://blog.example"])["frame-ancestors"] == "https://blog.example"


def test_a_page_is_the_companys() -> None:
    context = FakeContext()
    context.company.name = EVIL
    context.company.privacy = 'https://blog.example/?"><script>'
    answer = page(context, EVIL, "<p>Text</p>", language="de-AT", status=410)
    content = bytes(answer.body).decode()
    assert answer.status_code == 410
    assert '<html lang="de">' in content
    assert "<p>Text</p>" in content
    assert "<script>" not in content
    assert ">Impressum</a>" in content
    context.company.imprint = context.company.privacy = ""
    assert "<a " not in bytes(page(context, "T", "", language="en").body).decode()


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("  \n ", ""),
        ("a\r\nb\n\n\nc", "<p>a<br>b</p><p>c</p>"),
        (EVIL, "<p>&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;</p>"),
    ],
)
def test_what_people_wrote_is_text(text: str, html: str) -> None:
    assert paragraphs(text) == html
