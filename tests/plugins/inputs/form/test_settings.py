"""The settings: mistakes are told at their key, before anything starts."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.api import ConfigError, Secret
from gateway.testing import make
from gateway_plugins.inputs.form.settings import FormTable
from gateway_plugins.inputs.form.tools import COMMON, TOOLS
from gateway_plugins.inputs.forms import Forms

KEY = Secret("a-key-in-the-address")
NEWS: dict[str, Any] = {"kind": "newsletter", "wording": "Ja"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"sign_up": "mail"}, "sign_up: there is no 'mail'; known: template, whatsapp"),
        ({"code_valid": "5min"}, "code_valid: people need at least 10min"),
        ({"honeypot": "two words"}, "honeypot: has to be a field's name"),
        ({"honeypot": "phone"}, "honeypot: 'phone' is a field of the form"),
        ({"wa_me": "wa.me"}, "wa_me: has to be an address"),
        ({"wa_me": "https://wa.me/"}, "wa_me: has to be an address"),
        ({"number": "nobody"}, "number: is no phone number"),
        ({"origins": ["https://www.blog.example/page"]}, "origins: write a website as"),
        ({"origins": ["*"]}, "origins: write a website as"),
        ({"embed": ["blog.example"]}, "embed: write a website as"),
        ({"trusted_proxies": ["localhost"]}, "trusted_proxies: 'localhost' is no address"),
        ({"per_address": 0}, "per_address"),
        ({"forms": {"Two Words": NEWS}}, "forms: 'Two Words' stands in an address"),
        ({"forms": {"x": {}}}, "kind"),
        ({"forms": {"x": {"kind": "newsletter"}}}, "wording: is missing"),
        ({"forms": {"x": {**NEWS, "tool": "mailman"}}}, "tool: there is no 'mailman'"),
        ({"forms": {"x": {**NEWS, "fields": {"fone": "x"}}}}, "there is no 'fone'"),
        ({"forms": {"x": {**NEWS, "tool": "cf7", "sign_up": "template"}}}, "secret: is missing"),
        ({"forms": {"x": {**NEWS, "tool": "cf7", "key": KEY}}}, "shows our answer to nobody"),
        ({"forms": {"x": {**NEWS, "secret": KEY}}}, "html does not sign"),
        ({"forms": {"x": {**NEWS, "signature": "sha"}}}, "there is no 'sha'"),
        ({"forms": {"x": {**NEWS, "signature": "github"}}}, "secret: is missing"),
        (
            {"forms": {"x": {**NEWS, "tool": "typo3", "secret": KEY, "sign_up": "template"}}},
            "signature_id: is missing",
        ),
        ({"forms": {"x": {**NEWS, "accepted": []}}}, "accepted: is empty"),
        ({"forms": {"x": {"kind": "callback", "reply": "redirect"}}}, "thank_you: is missing"),
        ({"forms": {"x": {"kind": "callback", "thank_you": "/danke"}}}, "thank_you: is no address"),
        ({"forms": {"x": {"kind": "callback", "thank": ""}}}, "thank"),
    ],
)
def test_mistakes_are_told(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        make(Forms, "website", **settings)
    assert told in str(error.value)
    assert KEY.reveal() not in str(error.value)


def test_every_tool_can_be_set_up() -> None:
    for tool in TOOLS:
        form = {**NEWS, "tool": tool, "sign_up": "template", "key": KEY}
        made = make(Forms, "website", forms={"x": form})
        assert made.config.forms["x"].names("phone")


def test_names_of_the_settings_are_the_only_ones() -> None:
    table = FormTable(kind="callback", tool="cf7", key=KEY, fields={"phone": "tel-2"})
    assert table.names("phone") == ("tel-2",)
    assert table.names("name") == ("your-name", *COMMON["name"])


def test_the_reference_names_every_key_of_a_form() -> None:
    file = Path(__file__).parents[4] / "config" / "reference.toml"
    reference = tomllib.loads(file.read_text(encoding="utf-8"))
    (form,) = reference["inputs"]["website"]["forms"].values()
    assert form.keys() == {field.name for field in msgspec.structs.fields(FormTable)}
    part = file.read_text(encoding="utf-8").partition("[inputs.website.forms.")[2]
    lines = [line for line in part.partition("\n[")[0].splitlines()[1:] if "=" in line]
    assert all("#" in line for line in lines), "a key without a comment"


def test_the_defaults_of_a_form_are_those_of_the_reference() -> None:
    file = Path(__file__).parents[4] / "config" / "reference.toml"
    part = (
        file.read_text(encoding="utf-8").partition("[inputs.website.forms.")[2].partition("\n[")[0]
    )
    for line in (line for line in part.splitlines()[1:] if line and line[0] != "#"):
        key, _, rest = line.partition("=")
        value, _, comment = rest.partition(" # ")
        field = next(f for f in msgspec.structs.fields(FormTable) if f.name == key.strip())
        if "default" in comment or "required" in comment or field.name == "signature":
            continue
        default = field.default
        if default is msgspec.NODEFAULT:
            default = field.default_factory()
        told = tomllib.loads(f"x = {value}")["x"]
        if isinstance(default, float):
            told = {"1d": 86_400.0}[told]
        assert (tuple(told) if isinstance(told, list) else told) == default, key
