"""Plugins are found one by one: one that is broken has a reason and stops no other."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path
from typing import Any

import pytest

from gateway.discovery import discover
from gateway.errors import ConfigError
from gateway.hookspecs import GROUP
from gateway.plugin import PluginConfig

HEAD = """
from __future__ import annotations
from typing import TYPE_CHECKING, ClassVar
from gateway.api import *
from gateway.api import hookimpl
"""
GOOD = """
class GoodConfig(PluginConfig):
    text: str
class Good(Middleware):
    name = "good"
    config: GoodConfig
@hookimpl
def register():
    return [Good]
"""


class Fake(Distribution):
    """A distribution that is not installed."""

    def __init__(self, name: str) -> None:
        self._name = name

    def read_text(self, filename: str) -> str | None:
        return f"Name: {self._name}\nVersion: 1.2\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise AssertionError("nobody looks for its files")


Point = Callable[..., EntryPoint]


@pytest.fixture
def point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Point]:
    """Writes a module and returns an entry point for it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    written = []

    def make(source: str, name: str = "good", distribution: str = "some-plugins") -> EntryPoint:
        module = f"plugin_under_test_{len(written)}"
        written.append(module)
        (tmp_path / f"{module}.py").write_text(HEAD + source)
        made = EntryPoint(name, module, GROUP)
        vars(made).update(dist=Fake(distribution))
        return made

    yield make
    for module in written:
        sys.modules.pop(module, None)


def test_a_plugin_is_found_with_all_that_is_known_of_it(point: Point) -> None:
    """Its class, kinds, settings and origin."""
    catalogue = discover([point(GOOD)])
    found = catalogue.get("good", "middleware")
    assert (found.cls.__name__, found.kinds) == ("Good", ("middleware",))
    assert found.settings.__name__ == "GoodConfig"
    assert found.origin == "some-plugins 1.2"
    assert catalogue.broken == ()


REGISTER = "\n@hookimpl\ndef register():\n    return [{}]\n"


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import nothing_like_this", "ModuleNotFoundError: No module named 'nothing_like_this'"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(:", "SyntaxError"),
        ("", "has no @hookimpl def register()"),
        ("def register():\n    return []", "has no @hookimpl def register()"),
        ("@hookimpl\nasync def register():\n    return []", "register() is async"),
        ("@hookimpl\ndef registre():\n    return []", "unknown hook 'registre'"),
        ("@hookimpl\ndef register(gateway):\n    return []", "hook does not fit"),
        ("@hookimpl\ndef register():\n    return 1 / 0", "register() failed: ZeroDivisionError"),
        ("@hookimpl\ndef register():\n    pass", "register() failed: TypeError"),
        ("@hookimpl\ndef register():\n    return Middleware", "register() failed: TypeError"),
        ("@hookimpl\ndef register():\n    return []", "register() returned no class"),
        (REGISTER.format("Middleware"), "Middleware.name has to be a word"),
        (REGISTER.format("'good'"), "'good', which is no plugin class"),
        (REGISTER.format("dict"), "which is no plugin class"),
        ("class A(Middleware):\n    name = 'two words'" + REGISTER.format("A"), "to be a word"),
        ("class A(Middleware):\n    name = None" + REGISTER.format("A"), "to be a word"),
        (
            "class A(Middleware):\n    name = 'good'\n    api_version = 2" + REGISTER.format("A"),
            "made for version 2 of the plugin contract",
        ),
        ("class A(Output):\n    name = 'good'" + REGISTER.format("A"), "A lacks compose, send"),
        ("class A(Observer):\n    name = 'good'" + REGISTER.format("A"), "A lacks notice"),
        (
            "class A(Plugin):\n    name = 'good'" + REGISTER.format("A"),
            "is none of Input, Middleware, Output, Observer",
        ),
        (
            "class A(Middleware):\n    name = 'good'\n    config: dict" + REGISTER.format("A"),
            "A.config has to be annotated with a PluginConfig",
        ),
        (
            "if TYPE_CHECKING:\n    from x import Config\n"
            "class A(Middleware):\n    name = 'good'\n    config: Config" + REGISTER.format("A"),
            "annotation of A.config cannot be resolved (name 'Config' is not defined)",
        ),
        (
            "if TYPE_CHECKING:\n    from x import Hidden\n"
            "class C(PluginConfig):\n    text: Hidden\n"
            "class A(Middleware):\n    name = 'good'\n    config: C" + REGISTER.format("A"),
            "the settings C cannot be read: name 'Hidden' is not defined",
        ),
        (
            "class A(Middleware):\n    name = 'good'\n    async def limits(self, delivery):\n"
            "        return []" + REGISTER.format("A"),
            "A.limits is async",
        ),
    ],
)
def test_a_broken_plugin_has_a_reason_and_stops_no_other(
    point: Point, source: str, reason: str
) -> None:
    """The others load; whoever names the broken one reads why, and from where."""
    other = GOOD.replace('"good"', '"other"')
    points = [point(other, "other"), point(source), point(other.replace("other", "third"), "third")]
    catalogue = discover(points)
    assert set(catalogue.plugins) == {"other", "third"}
    assert [broken.origin for broken in catalogue.broken] == ["some-plugins 1.2"]
    with pytest.raises(ConfigError) as caught:
        catalogue.get("good", "middleware")
    said = str(caught.value)
    assert said.startswith("plugin 'good' (some-plugins 1.2) cannot be used: ")
    assert reason in said
    assert "\n" not in said


def test_two_of_one_name_are_fatal(point: Point) -> None:
    """A stray package cannot replace a plugin: both distributions are named."""
    with pytest.raises(ConfigError) as caught:
        discover([point(GOOD, "good", "honest"), point(GOOD, "innocent", "stray")])
    assert "'good'" in str(caught.value)
    assert "honest 1.2" in str(caught.value)
    assert "stray 1.2" in str(caught.value)


def test_a_class_of_two_kinds_is_one_plugin(point: Point) -> None:
    """A CRM is input and observer, with one settings table."""
    source = """
class CrmConfig(PluginConfig):
    url: str = ""
class Crm(Input, Observer):
    name = "crm"
    config: CrmConfig
    async def notice(self, event):
        return []
"""
    catalogue = discover([point(source + REGISTER.format("Crm"), "crm")])
    assert catalogue.get("crm", "input") is catalogue.get("crm", "observer")
    with pytest.raises(ConfigError, match="plugin 'crm' is input and observer, no output"):
        catalogue.get("crm", "output")


def test_settings_are_found_where_they_are_annotated(point: Point) -> None:
    """A base class may bring them, none is fine, and other annotations do not matter."""
    source = """
if TYPE_CHECKING:
    from somewhere import Client
class BaseConfig(PluginConfig):
    every: Duration = Duration(60)
class Base(Input):
    config: BaseConfig
class Feed(Base):
    name = "feed"
    client: Client
class Bare(Middleware):
    name = "bare"
"""
    catalogue = discover([point(source + REGISTER.format("Feed, Bare"), "feed")])
    assert catalogue.broken == ()
    assert catalogue.get("feed", "input").settings.__name__ == "BaseConfig"
    assert catalogue.get("bare", "middleware").settings is PluginConfig


def test_one_broken_class_of_a_module_stops_only_itself(point: Point) -> None:
    """The reason carries the class's own name."""
    source = GOOD.replace("return [Good]", "return [Good, Half]").replace(
        "@hookimpl", "class Half(Output):\n    name = 'half'\n@hookimpl"
    )
    catalogue = discover([point(source)])
    assert set(catalogue.plugins) == {"good"}
    with pytest.raises(ConfigError, match=r"plugin 'half' .* lacks"):
        catalogue.get("half", "output")


def test_a_name_nobody_has_lists_what_there_is(point: Point) -> None:
    """Whoever mistypes a plugin reads which are installed."""
    with pytest.raises(ConfigError, match=r"there is no middleware 'god'; did you mean 'good'\?"):
        discover([point(GOOD)]).get("god", "middleware")
    with pytest.raises(ConfigError, match="there is no middleware 'thor'; installed: good"):
        discover([point(GOOD)]).get("thor", "middleware")
    with pytest.raises(ConfigError, match="there is no input 'god'; installed: none"):
        discover([point(GOOD)]).get("god", "input")


def test_nothing_installed_is_an_empty_catalogue() -> None:
    """No entry points, no plugins, no error."""
    assert discover([]).plugins == {}
