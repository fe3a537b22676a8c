"""What is shipped in config/ is right: it loads, it is complete, and its texts are accepted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway import config as core
from gateway.api import Button, Hold, Message, Template, Topic
from gateway.assembly import assemble
from gateway.consent import StopWords
from gateway.discovery import discover
from gateway.safety import DeliverySettings, Hearing
from gateway.tables import Problems, read_table
from gateway.values import says
from gateway_plugins.outputs.whatsapp.compose import by_template
from gateway_plugins.outputs.whatsapp.definitions import definition
from gateway_sandbox.template_api import create
from gateway_sandbox.templates import Templates
from tests.config.shipped import CONFIG, placed, read, settings_files

TABLES = {
    "company": core.Company,
    "server": core.Server,
    "store": core.Storage,
    "consent": core.Consent,
    "mail": core.Mail,
    "proof": core.Proof,
    "retention": core.Retention,
    "service": core.Service,
    "cost": core.Cost,
    "delivery": DeliverySettings,
    "hearing": Hearing,
}
OF_PLUGINS = {
    "senders": "output",
    "inputs": "plugin",
    "middleware": "plugin",
    "observers": "plugin",
}
ROOM = 64
"""Lines of the settings that a newcomer reads first."""


@pytest.mark.parametrize("file", settings_files(), ids=lambda file: file.name)
def test_every_file_loads(file: Path, tmp_path: Path) -> None:
    parts = assemble(placed(file, tmp_path), discover())
    chain = ["consent", "filter", "approval", "ratelimit", "footer"]
    asked = "approval" in parts.config.middleware
    assert [type(m).name for m in parts.chain] == [n for n in chain if asked or n != "approval"]


def test_the_first_file_is_short() -> None:
    lines = (CONFIG / "gateway.toml").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= ROOM
    assert max(map(len, lines)) <= 100


def tables(settings: dict[str, Any]) -> Iterator[tuple[type[msgspec.Struct], str, dict[str, Any]]]:
    """Yield (the class of its settings, its label, its keys) of every table."""
    plugins = discover().plugins
    for section, value in settings.items():
        if section in TABLES:
            yield TABLES[section], f"[{section}]", value
        for label, table in value.items() if section in OF_PLUGINS else ():
            name = table.get(OF_PLUGINS[section], label)
            yield plugins[name].settings, f"[{section}.{label}]", table
        for label, table in value.items() if section == "topics" else ():
            yield core.TopicTable, f"[topics.{label}]", table


def test_the_reference_is_complete() -> None:
    """Every section, every first-party plugin, every key, each once and with a comment."""
    reference = CONFIG / "reference.toml"
    text = reference.read_text(encoding="utf-8")
    assert {name for name in core.SECTIONS if not re.search(rf"\[?{name}\b", text)} == set()
    found = list(tables(read(reference)))
    ours = {
        f.settings
        for f in discover().plugins.values()
        if f.cls.__module__.startswith("gateway_plugins.")
    }
    assert {kind for kind, _, _ in found} == {*TABLES.values(), *ours, core.TopicTable}
    for kind, label, table in found:
        fields = {field.encode_name for field in msgspec.structs.fields(kind)}
        assert fields - table.keys() == set(), label
        assert table.keys() - fields <= {"plugin", "output"}, label


def test_the_reference_says_the_defaults(tmp_path: Path) -> None:
    """A value without a word about it is the default; `required` stands where there is none."""
    reference = placed(CONFIG / "reference.toml", tmp_path)
    text = reference.read_text(encoding="utf-8")
    for kind, label, table in tables(read(reference)):
        part = text.partition(f"\n{label}\n")[2].partition("\n[")[0]
        comments = dict(re.findall(r"^(\w+)\s*=.*?# (.+)$", part, re.MULTILINE))
        problems = Problems("reference.toml")
        rest = {key: value for key, value in table.items() if key not in ("plugin", "output")}
        value = read_table(rest, kind, label, problems, tmp_path)
        assert problems.found == []
        for field in msgspec.structs.fields(kind):
            key = field.encode_name
            if isinstance(table[key], dict) and "secret" not in table[key] and key not in comments:
                continue  # a table of its own, with its own comments
            assert key in comments, f"{label} {key} has no comment"
            assert ("required" in comments[key]) == field.required, f"{label} {key}"
            if not field.required and "default" not in comments[key]:
                default = (
                    field.default_factory() if field.default is msgspec.NODEFAULT else field.default
                )
                assert getattr(value, field.name) == default, f"{label} {key}"


@pytest.mark.parametrize("file", settings_files(), ids=lambda file: file.name)
def test_no_file_has_a_key_that_the_reference_lacks(file: Path) -> None:
    known: dict[type[msgspec.Struct], set[str]] = {}
    for kind, _, table in tables(read(CONFIG / "reference.toml")):
        known.setdefault(kind, set()).update(table)
    for kind, label, table in tables(read(file)):
        assert table.keys() <= known[kind], label


# --- templates ----------------------------------------------------------------------------------
TEMPLATES = sorted(CONFIG.glob("templates/*.json"))
WRITTEN = {
    "blog_post": ("MARKETING", {"title", "teaser", "link"}),
    "opt_in_question": ("UTILITY", {"teaser"}),
}


def test_there_is_a_template_for_each_language_and_name() -> None:
    languages = {file.name.split(".")[1] for file in TEMPLATES}
    assert languages == {"de", "en"}
    named = {table["template"] for table in read(CONFIG / "gateway.toml")["topics"].values()}
    assert named <= {file.name.split(".")[0] for file in TEMPLATES}


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_a_template_is_accepted_and_can_be_filled(file: Path) -> None:
    """The sandbox takes it as Meta would, the output fills it, and it lets people out."""
    submitted = json.loads(file.read_bytes())
    assert file.name == f"{submitted['name']}.{submitted['language']}.json"
    account = Templates("APPROVED")
    account.all.clear()
    category, names = WRITTEN[submitted["name"]]
    assert create(account, submitted, limit=1)["category"] == category
    (listed,) = (template.show() for template in account.all.values())
    known = definition(json.dumps(listed).encode())
    assert known is not None
    assert known.named
    assert set(known.placeholders) == names
    (body,) = (c for c in submitted["components"] if c["type"] == "BODY")
    examples = {
        one["param_name"]: one["example"] for one in body["example"]["body_text_named_params"]
    }
    assert set(examples) == set(known.placeholders)
    message = Message(
        external_id="1",
        title=examples.get("title", ""),
        text=examples["teaser"],
        link=examples.get("link", ""),
    )
    words = StopWords().words
    filled = by_template(known, message, Topic(name="blog", title="Blog", purpose="Blog"), words)
    assert isinstance(filled, Template)
    assert filled.parameters == examples
    assert "{{" not in filled.rendered
    assert says(filled.footer, words), "the footer names no stop word"


@pytest.mark.parametrize(("language", "replies"), [("de", ["Ja", "Nein"]), ("en", ["Yes", "No"])])
def test_the_question_carries_what_its_buttons_mean(language: str, replies: list[str]) -> None:
    """A tap answers this request and no other; a question that does not fit is not asked."""
    raw = json.loads((CONFIG / f"templates/opt_in_question.{language}.json").read_bytes())
    known = definition(json.dumps({**raw, "status": "APPROVED"}).encode())
    assert known is not None
    payloads = ("yes:12", "no:12")
    buttons = tuple(Button(kind="quick_reply", text=p, payload=p) for p in payloads)
    message = Message(
        external_id="1", kind="confirmation", text="Willst du?\nWirklich?", buttons=buttons,
        template="opt_in_question",
    )  # fmt: skip
    topic = Topic(name="blog", title="Blog", purpose="Blog")
    filled = by_template(known, message, topic, StopWords().words)
    assert isinstance(filled, Template)
    assert [(one.text, one.payload) for one in filled.buttons] == list(
        zip(replies, payloads, strict=True)
    )
    assert filled.parameters == {"teaser": "Willst du? Wirklich?"}
    long = by_template(known, message.replace(text="Wort " * 300), topic, StopWords().words)
    assert isinstance(long, Hold)
    assert long.code == "template_too_long"
