"""Settings and plugins become one gateway, or every reason why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.assembly import Parts, assemble
from gateway.config import SECTIONS
from gateway.discovery import Broken, Catalogue, Found
from gateway.errors import ConfigError
from gateway.message import Message
from gateway.plugin import Input, Middleware, Observer, Output, Plugin, PluginConfig
from gateway.secret import CREDENTIALS, Secret

LEAK = "EAAverysecret"


class PhoneConfig(PluginConfig):
    number: str
    sender: str | None = None
    token: Secret | None = None


class Phone(Output):
    name = "phone"
    config: PhoneConfig
    identity_kinds = ("phone",)

    async def compose(self, message: Any, topic: Any) -> Any:
        return []

    async def send(self, delivery: Any) -> str:
        return ""


class FeedConfig(PluginConfig):
    url: str
    topic: str = "blog"
    topics: tuple[str, ...] = ()
    sender: str | None = None
    kinds: frozenset[str] = frozenset("abcdefgh")


class Feed(Input):
    name = "feed"
    config: FeedConfig


class Crm(Input, Observer):
    name = "crm"

    async def notice(self, event: Any) -> Any:
        return []


class Footer(Middleware):
    name = "footer"
    config: PhoneConfig


class Gate(Middleware):
    name = "gate"

    def __init__(self, config: Any, label: str) -> None:
        super().__init__(config, label)
        if label == "fussy":
            raise ConfigError("fussy is fussy")
        if label == "buggy":
            raise ZeroDivisionError


def found(cls: type[Plugin], settings: type[PluginConfig] = PluginConfig) -> Found:
    bases = {"input": Input, "middleware": Middleware, "output": Output, "observer": Observer}
    kinds = tuple(kind for kind, base in bases.items() if issubclass(cls, base))
    return Found(cls.name, cls, kinds, settings, "tests 1.0")


CATALOGUE = Catalogue(
    {
        each.name: each
        for each in (
            found(Phone, PhoneConfig), found(Feed, FeedConfig), found(Crm), found(Gate),
            found(Footer, PhoneConfig),
        )
    },
    (Broken("lost", "other 2.0", "importing lost failed"),),
)  # fmt: skip
GOOD = """
chain = ["gate", "footer"]
[company]
name = "Muster GmbH"
[senders.main]
output = "phone"
number = "1"
token = { secret = "token" }
[senders.second]
output = "phone"
number = "2"
[topics.blog]
title = "Blog"
purpose = "Beiträge"
sender = "second"
[topics.other]
title = "Andere"
purpose = "Anderes"
[inputs.news]
plugin = "feed"
url = "https://example.org/feed"
[inputs.crm]
[middleware.footer]
number = "3"
[observers.crm]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(CREDENTIALS, raising=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text(LEAK)
    return tmp_path / "gateway.toml"


def make(file: Path, text: str = GOOD) -> Parts:
    file.write_text(text)
    return assemble(file, CATALOGUE)


def test_a_gateway_is_put_together(file: Path) -> None:
    """Every plugin has its settings and label; one of two kinds is one instance."""
    parts = make(file)
    assert [m.label for m in parts.chain] == ["gate", "footer"]
    assert {label: o.config.number for label, o in parts.senders.items()} == {
        "main": "1",
        "second": "2",
    }
    assert parts.senders["main"].config.token.reveal() == LEAK
    assert parts.observers["crm"] is parts.inputs["crm"]
    assert len(parts.plugins()) == 6
    assert set(parts.origins) == {"gate", "footer", "main", "second", "news", "crm"}


def test_all_settings_are_shown(file: Path) -> None:
    """Every section that there may be, also what is known of people's roles."""
    settings = make(file, GOOD + '[people]\nanna = "+49 171 3920033"\n').settings
    assert set(settings) >= SECTIONS - {"observers"}  # the only one here stands at its input
    assert settings["people"] == {"anna": "+49 171 3920033"}


def test_no_secret_is_shown(file: Path) -> None:
    """The settings in force are complete with their defaults, and hold no secret."""
    settings = make(file).settings
    assert settings["senders"]["main"] == {"output": "phone", "number": "1", "token": "<secret>"}
    assert settings["service"] == {"grace": "20s", "log_level": "info"}
    assert settings["inputs"]["news"]["kinds"] == list("abcdefgh")
    assert settings["middleware"]["gate"] == {"plugin": "gate"}
    assert LEAK.encode() not in msgspec.json.encode(settings)


def test_the_salt_changes_with_what_is_judged(file: Path) -> None:
    """Verdicts are redone after a change of chain, middleware, topics or senders, of no other."""
    salt = make(file).salt
    assert make(file).salt == salt
    for old, new in (('"gate", "footer"', '"footer", "gate"'), ('"3"', '"4"'), ("Andere", "X")):
        assert make(file, GOOD.replace(old, new)).salt != salt
    for old, new in (("example.org", "example.com"), ("[senders.main]", "[senders.main] # x")):
        assert make(file, GOOD.replace(old, new)).salt == salt
    (file.parent / "secrets" / "token").write_text("another")
    assert make(file).salt == salt


def test_one_number_is_one_sender(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two senders of one number would each keep its limits alone."""
    monkeypatch.setattr(Phone, "sends_as", "number 1", raising=False)
    with pytest.raises(ConfigError) as caught:
        make(file)
    (problem,) = caught.value.problems
    assert "[senders.second]" in problem
    assert "number 1 is that of [senders.main] already" in problem


@pytest.mark.parametrize(
    ("message", "sender", "language"),
    [
        (Message(external_id="1", topic="blog"), "second", "de"),
        (Message(external_id="1", topic="blog", sender="main"), "main", "de"),
        (Message(external_id="1", topic="other", language="en"), "main", "en"),
        (Message(external_id="1", to=5), "main", "de"),
    ],
)
def test_a_message_is_completed(file: Path, message: Message, sender: str, language: str) -> None:
    """Its own sender and language win, then its topic's, then the first and the company's."""
    complete = make(file).complete(message)
    assert (complete.sender, complete.language) == (sender, language)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('"gate", "footer"', '"footer", "gaet"', "chain: there is no middleware 'gaet'; did you mean 'gate"),
        ('"gate", "footer"', '"lost", "footer"', "chain: plugin 'lost' (other 2.0) cannot be used: importi"),
        ('"gate", "footer"', '"crm", "footer"', "chain: plugin 'crm' is input and observer, no middleware"),
        ('"gate", "footer"', '"gate"', "[middleware.footer]: is not in the chain; add it, or remove"),
        ('plugin = "feed"', 'plugin = "fed"', "[inputs.news] plugin: there is no input 'fed'; did you mean"),
        ('number = "3"', 'nubmer = "3"', "[middleware.footer] nubmer: unknown key; did you mean"),
        ("url =", 'topic = "blgo"\nurl =', "[inputs.news] topic: there is no topic 'blgo'; did you"),
        ("url =", 'topics = ["blog", "blgo"]\nurl =', "[inputs.news] topics: there is no topic 'blgo'; did"),
        ('number = "3"', 'number = "3"\nsender = "mian"', "[middleware.footer] sender: there is no sender"),
        ("url =", 'sender = "mian"\nurl =', "[inputs.news] sender: there is no sender 'mian'; did"),
        ("[inputs.crm]", "", "[observers.crm]"),
        ("[inputs.news]", "[inputs.footer]", "[middleware.footer]: the name 'footer' is taken by"),
        ("[inputs.news]", "[inputs.gate]", "[middleware.gate]: the name 'gate' is taken by [inputs"),
        ("[inputs.news]", "[inputs.main]", "[senders.main]: the name 'main' is taken by [inputs.main]"),
        ("[senders.second]", "[senders.a-b]\noutput='phone'\nnumber='1'\n[senders.a_b]",
         "[senders.a_b]: the name 'a_b' is taken by [senders.a-b]"),
        ("[observers.crm]", '[observers.main]\nplugin = "crm"', "[observers.main]: the name 'main' is"),
        ("[observers.crm]", "[observers.crm]\nx = 1", "[observers.crm]: the name 'crm' is taken by"),
        ("[observers.crm]", "[observers.news]", "[observers.news]: [inputs.news] is no observer"),
        ('plugin = "feed"', "", "[inputs.news] plugin: is missing, and there is no input 'news'"),
        ('plugin = "feed"', 'output = "feed"', "[inputs.news] plugin: is missing (it is plugin here, not"),
        ('output = "phone"\nnumber = "2"', 'output = "phome"', "[senders.second] output: there is no output"
         " 'phome'; did you mean 'phone'?"),
        ("[middleware.footer]", "[middleware.foter]",
         "[middleware.foter]: is not in the chain; did you mean [middleware.footer]?"),
        ("[middleware.footer]", "[middleware.zzz]\n[middleware.footer]",
         "[middleware.zzz]: is not in the chain; add it, or remove this table"),
        ('"gate", "footer"', '"gate", "Footer"', "chain: there is no middleware 'Footer'; did you mean"),
        ('name = "Muster GmbH"', 'name = "M"\nregion = "XX"', "[company] region: there is no country 'XX'"),
        ("[observers.crm]", '[people]\nanna = "+49 171 12"', "[people] anna: no valid phone number; write"),
        ("[observers.crm]", '[people]\nanna = "me"', "[people] anna: holds letters; write it as +49 171"),
        ("[middleware.footer]", '[middleware.gate]\nplugin = "feed"\n[middleware.footer]',
         "[middleware.gate] plugin: plugin 'feed' is input, no middleware"),
        ('"gate", "footer"', '"fussy", "footer"', "chain: there is no middleware 'fussy'; known: footer, g"),
        ('{ secret = "token" }', f'"{LEAK}"', "[senders.main] token: a secret is never written here"),
        ('{ secret = "token" }', '{ secret = "x" }', "[senders.main] token: no secret found: put"),
    ],
)  # fmt: skip
def test_a_mistake_is_told(file: Path, old: str, new: str, problem: str) -> None:
    """Each mistake is a sentence with file and key, and no secret in it."""
    assert old in GOOD
    if problem == "[observers.crm]":  # without the input it is an instance of its own
        assert make(file, GOOD.replace(old, new)).observers["crm"].label == "crm"
        return
    with pytest.raises(ConfigError) as caught:
        make(file, GOOD.replace(old, new))
    assert any(each.startswith(f"{file}: {problem}") for each in caught.value.problems), (
        caught.value.problems
    )
    assert LEAK not in str(caught.value)


@pytest.mark.parametrize("chain", ['["gate", "fotoer"]', "5", "[]", None])
def test_one_mistake_in_the_chain_is_one_problem(file: Path, chain: str | None) -> None:
    """The table of the middleware that was meant, or of all of them, is not told as well."""
    line = f"chain = {chain}" if chain else ""
    with pytest.raises(ConfigError) as caught:
        make(file, GOOD.replace('chain = ["gate", "footer"]', line))
    (problem,) = caught.value.problems
    assert problem.startswith(f"{file}: chain: ")


@pytest.mark.parametrize(
    ("new", "problem"),
    [
        ('nubmer = "3"', "nubmer: unknown key; did you mean 'number'"),
        ("number = 3", "number: "),
        ('number = "3"\nsender = "mian"', "sender: there is no sender 'mian'"),
        ('plugin = "feed"', "plugin: plugin 'feed' is input, no middleware"),
    ],
)
@pytest.mark.parametrize("chain", ['"fotter"', '"fotter", "foter"', '"fotter", "footer"'])
def test_a_misspelt_name_hides_no_mistake(file: Path, chain: str, new: str, problem: str) -> None:
    """The table that the name meant is checked as well, once."""
    with pytest.raises(ConfigError) as caught:
        make(file, GOOD.replace('"gate", "footer"', chain).replace('number = "3"', new))
    told = caught.value.problems
    assert told[0].startswith(f"{file}: chain: there is no middleware 'fotter'; did you mean")
    assert sum(each.startswith(f"{file}: [middleware.footer] {problem}") for each in told) == 1


@pytest.mark.parametrize(
    ("label", "problem"), [("fussy", "fussy is fussy"), ("buggy", "ZeroDivisionError in __init__")]
)
def test_a_plugin_that_refuses_its_settings_is_told(file: Path, label: str, problem: str) -> None:
    """A constructor that raises is one problem among the others."""
    text = GOOD.replace('"gate"', f'"{label}"').replace('number = "2"', "number = 2")
    with pytest.raises(ConfigError) as caught:
        make(file, f'{text}\n[middleware.{label}]\nplugin = "gate"')
    assert len(caught.value.problems) == 2
    assert f"[middleware.{label}]: " in caught.value.problems[0]
    assert problem in caught.value.problems[0]


def test_all_problems_of_the_file_come_together(file: Path) -> None:
    """Problems of the core and of every plugin are in one error."""
    text = GOOD
    for old, new in (
        ("[company]", "[comapny]"), ('number = "2"', "number = 2"), ('"gate",', '"gaet",'),
        ("url =", "ulr ="), ('{ secret = "token" }', '{ secret = "x" }'),
    ):  # fmt: skip
        text = text.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        make(file, text)
    told = "\n".join(caught.value.problems)
    for expected in ("comapny", "[company]", "[senders.second] number", "'gaet'", "ulr", "token"):
        assert expected in told
    assert len(caught.value.problems) == 7
