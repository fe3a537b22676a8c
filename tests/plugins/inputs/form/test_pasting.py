"""What the company pastes: plain HTML that the input then takes."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from gateway.api import ConfigError, Secret
from gateway.testing import FakeContext, make, started
from gateway_plugins.inputs.forms import Forms
from tests.plugins.inputs.form.browsing import HTML, visiting

KEY = Secret("a-key-in-the-address")
WORDING = 'Ja, per WhatsApp. "Abmelden" mit STOP & fertig.'
FORMS: dict[str, Any] = {
    "news": {"kind": "newsletter", "wording": WORDING, "fields": {"consent": "c", "topics": "t"}},
    "anruf": {"kind": "callback"},
    "frage": {"kind": "enquiry"},
    "kontakt": {"kind": "enquiry", "tool": "cf7", "key": KEY},
    "umfrage": {"kind": "enquiry", "tool": "typeform", "secret": KEY},
}


class Fields(HTMLParser):
    """Collects the fields of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.found: dict[str, dict[str, str | None]] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        if tag == "form":
            self.action = about["action"] or ""
        if about.get("name"):
            self.found[str(about["name"])] = about


async def pasted(name: str | None, language: str | None = None, **settings: Any) -> str:
    context = FakeContext("website")
    async with started(make(Forms, "website", forms=FORMS, **settings), context) as plugin:
        answer = await plugin.command("snippet", {"form": name, "language": language})
    return str(answer["html"])


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("news", {"t", "c", "website", "lang"}),
        ("anruf", {"name", "phone", "website", "lang"}),
        ("frage", {"name", "email", "phone", "message", "website", "lang"}),
    ],
)
async def test_a_snippet_is_a_form_that_is_taken(name: str, fields: set[str]) -> None:
    html = await pasted(name)
    read = Fields()
    read.feed(html)
    assert read.action == f"https://wa.blog.example/in/website/f/{name}"
    assert read.found.keys() == fields or name == "frage"
    assert "checked" not in html
    assert "<script" not in html
    assert "Zur Prüfung, bitte unverändert lassen" in html
    sent = {
        key: about.get("value") or {"phone": "0171 3920001"}.get(key, "x")
        for key, about in read.found.items()
        if key != "website"
    }
    async with visiting(forms=FORMS) as visit:
        answer = await visit.post(f"f/{name}", sent, headers=HTML)
        assert answer.status_code == 303
        assert visit.kept == 1


async def test_its_wording_is_that_of_the_settings() -> None:
    html = await pasted("news", "en")
    assert "Ja, per WhatsApp. &quot;Abmelden&quot; mit STOP &amp; fertig." in html
    assert 'name="lang" value="en"' in html
    assert "Continue to WhatsApp" in html


async def test_without_a_form_it_is_a_link() -> None:
    html = await pasted(None)
    assert re.fullmatch(r'<a href="https://wa\.blog\.example/in/website/\?lang=de">.+</a>', html)


@pytest.mark.parametrize("name", ["nothing", "kontakt"])
async def test_what_cannot_be_pasted_is_told(name: str) -> None:
    with pytest.raises(ConfigError):
        await pasted(name)


async def test_the_addresses_to_enter() -> None:
    context = FakeContext("website")
    async with started(make(Forms, "website", forms=FORMS), context) as plugin:
        rows = (await plugin.command("addresses", {}))["rows"]
    found = {row["what"]: row["address"] for row in rows}
    assert found["sign-up page"] == "https://wa.blog.example/in/website/"
    assert found["kontakt (cf7)"] == "https://wa.blog.example/in/website/f/kontakt/YOUR-KEY"
    assert found["umfrage (typeform)"] == "https://wa.blog.example/in/website/f/umfrage"
    assert KEY.reveal() not in str(rows)


async def test_without_a_public_address_there_is_none() -> None:
    context = FakeContext("website")
    context.public_url = ""
    async with started(make(Forms, "website"), context) as plugin:
        with pytest.raises(ConfigError, match="public_url is missing"):
            await plugin.command("snippet", {"form": None})
        with pytest.raises(ConfigError, match="has no command"):
            await plugin.command("other", {})
