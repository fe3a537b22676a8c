"""Content rules: words as people write them, links as phones follow them, sizes as Meta counts."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api import Card, ConfigError, Drop, Hold, Message, Template, Text
from gateway.sections import Company
from gateway.testing import FakeContext, judged, make, message, started
from gateway_plugins.middleware.filter import Filter


def code_of(answer: object) -> str:
    """`` if it passed, else the code."""
    assert isinstance(answer, Message | Drop | Hold)
    return "" if isinstance(answer, Message) else answer.code


@pytest.mark.parametrize(
    ("word", "text", "found"),
    [
        ("gewinnspiel", "Unser GEWINNSPIEL beginnt", True),
        ("Gewinnspiel", "gewinnspiel!", True),
        ("Gewinnspiel", "Gewinnspiele", False),
        ("Gewinnspiel", "Das große Gewinnspiel-Finale", True),
        ("Rabatt", "*Rabatt*, heute", True),
        ("Rabatt", "„Rabatt“?", True),
        ("glück", "GLÜCK im Spiel", True),
        ("glück", "Glu\u0308ck im Spiel", True),
        ("glu\u0308ck", "Glück", True),
        ("glück", "Gluck, gluck", False),
        ("straße", "STRASSE", True),
        ("strasse", "Straße", True),
        ("sonder angebot", "Sonder-\nAngebot", True),
        ("sonder angebot", "Sonder und Angebot", False),
        ("gratis", "gra\u00adtis", True),
        ("gratis", "gra\u200btis", True),
        ("gratis", "ｇｒａｔｉｓ", True),
        ("50", "50%", True),
    ],
)
async def test_words(word: str, text: str, found: bool) -> None:
    """Whole words, whatever the case, form of umlauts, punctuation and invisible marks."""
    for where in ("title", "text"):
        written = message(**{"title": "", "text": "", where: text})
        blocked = await judged(make(Filter, blocked_words=[word]), written)
        assert code_of(blocked) == ("blocked_word" if found else "")
        held = await judged(make(Filter, held_words=[word]), written)
        assert code_of(held) == ("held_word" if found else "")
        required = await judged(make(Filter, required_words=["nie", word]), written)
        assert code_of(required) == ("" if found else "required_word")


async def test_the_word_is_named() -> None:
    """The sentence names the word as the settings have it, for the person who reads it."""
    answer = await judged(make(Filter, blocked_words=["Rabatt"]), message(text="rabatt"))
    assert answer == Drop("blocked_word", "the message contains the blocked word 'Rabatt'")


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("https://blog.example/1", ""),
        ("http://blog.example", ""),
        ("HTTPS://BLOG.EXAMPLE/1", ""),
        (" https://blog.example/1 ", ""),
        ("https://www.blog.example/1?a=b#c", ""),
        ("https://a.b.blog.example:8443/1", ""),
        ("https://blog.example./1", ""),
        ("https://blog.example/auf einen Blick", ""),
        ("https://blog.example/?an=ich@evil.example", ""),
        ("https://münchen.example/1", ""),
        ("https://MÜNCHEN.example/1", ""),
        ("https://mu\u0308nchen.example/1", ""),
        ("https://xn--mnchen-3ya.example/1", ""),
        ("https://neues.xn--mnchen-3ya.example/1", ""),
        ("https://[2001:db8::1]/", "blocked_link"),
        ("https://evil.example/blog.example", "blocked_link"),
        ("https://evil.example/?https://blog.example/", "blocked_link"),
        ("https://evil.example#blog.example", "blocked_link"),
        ("https://blog.example.evil.example/", "blocked_link"),
        ("https://notblog.example/", "blocked_link"),
        ("https://blog-example/", "blocked_link"),
        ("https://munchen.example/", "blocked_link"),
        ("https://blog.example@evil.example/", "blocked_link"),
        ("https://blog.example:443@evil.example/", "blocked_link"),
        ("https://blog.example%2F@evil.example/", "blocked_link"),
        ("https://anna@blog.example/", "bad_link"),
        ("https://anna:pw@blog.example/", "bad_link"),
        ("https://evil.example\\@blog.example/", "bad_link"),
        ("https://evil.example\\.blog.example/", "bad_link"),
        ("https://blog.example\\@evil.example/", "bad_link"),
        ("https://evil.example\n.blog.example/", "bad_link"),
        ("https://evil.example\t.blog.example/", "bad_link"),
        ("https://evil.example .blog.example/", "bad_link"),
        ("https://evil%2Eexample/.blog.example", "bad_link"),
        ("https://bl%6Fg.example/", "bad_link"),
        ("https://blog。example/", ""),
        ("https://ｂlog.example/", ""),
        ("https://evil.example／.blog.example/", "bad_link"),
        ("https://[blog.example/", "bad_link"),
        ("https://..blog.example/", "bad_link"),
        ("https:///blog.example", "bad_link"),
        ("https:blog.example", "bad_link"),
        ("//blog.example/1", "bad_link"),
        ("blog.example/1", "bad_link"),
        ("/1", "bad_link"),
        ("javascript:alert(1)", "bad_link"),
        ("ftp://blog.example/", "bad_link"),
        ("tel:+4917139200001", "bad_link"),
    ],
)
async def test_links_have_to_lead_to_allowed_hosts(link: str, code: str) -> None:
    """Judged by the host that a phone connects to, with everything below an allowed one."""
    plugin = make(Filter, allowed_hosts=["Blog.Example", "münchen.example."])
    assert code_of(await judged(plugin, message(link=link))) == code


@pytest.mark.parametrize(
    ("link", "code"),
    [
        ("https://evil.example/", "blocked_link"),
        ("https://EVIL.example./", "blocked_link"),
        ("https://www.evil.example/", "blocked_link"),
        ("https://blog.example@evil.example/", "blocked_link"),
        ("https://ｅvil.example/", "blocked_link"),
        ("https://%65vil.example/", "bad_link"),
        ("https://böse.example/", "blocked_link"),
        ("https://xn--bse-sna.example/", "blocked_link"),
        ("https://devil.example/", ""),
        ("https://evil.example.blog.example/", ""),
    ],
)
async def test_links_must_not_lead_to_blocked_hosts(link: str, code: str) -> None:
    """A blocked host is found however it is written, and nothing else is."""
    plugin = make(Filter, blocked_hosts=["evil.example", "böse.example"])
    assert code_of(await judged(plugin, message(link=link))) == code
    both = make(Filter, blocked_hosts=["evil.example", "böse.example"], allowed_hosts=["example"])
    assert code_of(await judged(both, message(link=link))) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Mehr auf https://blog.example/1.", ""),
        ("Mehr (https://blog.example).", ""),
        ("Mehr: »https://blog.example/1«, morgen", ""),
        ("Kein Link: blog, https:// und mehr", ""),
        ("Mehr auf HTTPS://evil.example/1", "blocked_link"),
        ("Mehr auf https://blog.example@evil.example/1", "blocked_link"),
        ("Mehr auf https://%65vil.example/1", "bad_link"),
    ],
)
async def test_links_in_the_text_count_too(text: str, code: str) -> None:
    """A phone makes a link of every address in the text."""
    plugin = make(Filter, allowed_hosts=["blog.example"])
    assert code_of(await judged(plugin, message(text=text))) == code
    assert code_of(await judged(make(Filter), message(text=text))) == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Mehr: evil.example/abc", "blocked_link"),
        ("Mehr auf www.EVIL.example.", "blocked_link"),
        ("Mehr (_evil.example_)", "blocked_link"),
        ("Mehr auf böse.example", "blocked_link"),
        ("Schreib an info@evil.example", ""),
        ("Mehr auf devil.example und evil.examples", ""),
        ("Bilder: https://blog.example/evil.example", ""),
    ],
)
async def test_blocked_hosts_in_the_text_need_no_beginning(text: str, code: str) -> None:
    """A phone makes a link of a bare host, too."""
    plugin = make(Filter, blocked_hosts=["evil.example", "böse.example"])
    assert code_of(await judged(plugin, message(text=text))) == code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Mehr auf www.blog.example", ""),
        ("Mehr auf www.evil.example", "blocked_link"),
        ("Z.B. im Haus.Garten, seite.pdf", ""),
    ],
)
async def test_not_all_that_looks_like_a_host_is_one(text: str, code: str) -> None:
    """Only www. says for sure that a link is meant, so only it has to be allowed."""
    plugin = make(Filter, allowed_hosts=["blog.example"])
    assert code_of(await judged(plugin, message(text=text))) == code


async def test_the_company_s_own_pages_may_be_linked() -> None:
    """Imprint, privacy notice and this gateway's pages stand in what people are asked and told."""
    plugin = make(Filter, allowed_hosts=["shop.example"], blocked_hosts=["privacy.example"])
    context = FakeContext("filter")
    context.company = Company(
        name="Beispiel GmbH", imprint="https://www.firma.example/impressum",
        privacy="https://privacy.example/",
    )  # fmt: skip
    async with started(plugin, context):
        for link, code in (
            ("https://www.firma.example/impressum", ""),
            ("https://wa.blog.example/in/website/w/x", ""),
            ("https://firma.example/", "blocked_link"),
            ("https://privacy.example/", "blocked_link"),  # what is blocked stays blocked
        ):
            asked = message(kind="confirmation", link="", text=f"Datenschutz: {link}")
            assert code_of(await judged(plugin, asked)) == code, link


@pytest.mark.parametrize("kind", ["marketing", "utility", "service", "confirmation"])
async def test_what_marketing_has_to_have_others_need_not(kind: Any) -> None:
    """A question or an acknowledgment has no link and no slogan; what is blocked is for all."""
    plugin = make(Filter, require_link=True, required_words=["Anzeige"], blocked_words=["Wette"])
    bare = message(kind=kind, link="", text="Du bist abgemeldet.")
    assert code_of(await judged(plugin, bare)) == ("required_word" if kind == "marketing" else "")
    named = bare.replace(text="Anzeige: bald mehr")
    assert code_of(await judged(plugin, named)) == ("no_link" if kind == "marketing" else "")
    assert code_of(await judged(plugin, bare.replace(text="Wette!"))) == "blocked_word"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "empty"),
        ({"title": " ", "text": "\n"}, "empty"),
        ({"link": "https://blog.example"}, ""),
        ({"image": "https://blog.example/1.jpg"}, ""),
        ({"card": Card(name="Beispiel GmbH", phone="+49301234567")}, ""),
        ({"title": "Hallo"}, ""),
        ({"text": "Hallo"}, ""),
    ],
)
async def test_an_empty_message_says_nothing(changes: dict[str, str], code: str) -> None:
    """Something has to be there: title, text, link or image."""
    written = message(**({"title": "", "text": "", "link": ""} | changes))
    assert code_of(await judged(make(Filter), written)) == code


def template(body: str, **parameters: str) -> Template:
    return Template(name="post", language="de", body=body, parameters=parameters)


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (Text(body="x" * 4096), ""),
        (Text(body="x" * 4097), "too_long"),
        (Text(body="x" * 1024, image="https://blog.example/1.jpg"), ""),
        (Text(body="x" * 1025, image="https://blog.example/1.jpg"), "too_long"),
        (Text(body="🙏" * 4096), ""),
        (template("ab{{text}}", text="x" * 1022), ""),
        (template("ab{{text}}", text="x" * 1023), "too_long"),
        (template("x" * 1024), ""),
        (template("x" * 1025), "too_long"),
        (template("{{text}}", text="x" * 1024), ""),
        (template("", text="x" * 1025), "too_long"),
    ],
)
async def test_sizes_are_counted_as_meta_counts(form: Any, code: str) -> None:
    """4096 in a text, 1024 in a caption and in a template with its values: exactly."""
    assert code_of(await judged(make(Filter), message(forms=(form,)))) == code
    later = message(forms=(Text(body="fine"), form))
    assert code_of(await judged(make(Filter), later)) == code


async def test_what_a_person_released_is_still_filtered() -> None:
    """Releasing a held word releases nothing else: drops come first."""
    plugin = make(Filter, held_words=["Wahl"], blocked_hosts=["evil.example"])
    written = message(text="Wahl", approved=("held_word",))
    assert isinstance(await judged(plugin, written), Message)
    evil = written.replace(link="https://evil.example/")
    assert code_of(await judged(plugin, evil)) == "blocked_link"
    not_yet = evil.replace(approved=())
    assert code_of(await judged(plugin, not_yet)) == "blocked_link"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"blocked_words": ["€"]}, "'€'"),
        ({"held_words": [""]}, "''"),
        ({"required_words": ["!?"]}, r"'!\?'"),
        ({"allowed_hosts": ["https://blog.example"]}, "without https://"),
        ({"blocked_hosts": ["*.blog.example"]}, "is no host"),
        ({"blocked_hosts": [""]}, "is no host"),
    ],
)
def test_rules_that_can_never_hold_are_refused(settings: dict[str, Any], said: str) -> None:
    """A word without letters or a host with a scheme would be passed over in silence."""
    with pytest.raises(ConfigError, match=said):
        make(Filter, **settings)
