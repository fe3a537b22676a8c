"""A table becomes a typed value, and every mistake in it is told at once, with its key."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import pytest

from gateway.errors import ConfigError
from gateway.plugin import PluginConfig
from gateway.secret import CREDENTIALS, Secret
from gateway.tables import Problems, read_table, shown
from gateway.values import Duration

LEAK = "EAAwritten-in-the-settings"


class Part(PluginConfig):
    name: str
    weight: float = 1.0


class Example(PluginConfig):
    url: str
    every: Duration = Duration(900)
    pause: Duration | None = None
    token: Secret | None = None
    tokens: dict[str, Secret] = {}
    mode: Literal["fast", "slow"] = "fast"
    n: int = 3
    limit: Annotated[int, msgspec.Meta(le=10)] | None = None
    words: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset({"post", "page", "note"})
    parts: list[Part] = []

    def __post_init__(self) -> None:
        if self.n > 100:
            raise ValueError("n is at most 100")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(CREDENTIALS, raising=False)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("EAAfrom-a-file\n")
    return tmp_path


def read(table: object, folder: Path, type_: type[Any] = Example) -> tuple[Any, list[str]]:
    problems = Problems("gateway.toml")
    return read_table(table, type_, "[inputs.blog]", problems, folder), problems.found


def test_a_table_becomes_a_value(folder: Path) -> None:
    """Durations, secrets, lists and nested tables are read; the rest are defaults."""
    table = {
        "url": "https://example.org",
        "every": "1h 30min",
        "pause": 5,
        "token": {"secret": "token"},
        "tokens": {"a": {"file": "secrets/token"}},
        "words": ["a", "b"],
        "parts": [{"name": "x"}, {"name": "y", "weight": 2}],
    }
    value, found = read(table, folder)
    assert found == []
    assert (value.every, value.pause, value.n) == (5400.0, 5.0, 3)
    assert value.token.reveal() == value.tokens["a"].reveal() == "EAAfrom-a-file"
    assert value.parts[1] == Part(name="y", weight=2.0)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"ulr": "x"}, "[inputs.blog] ulr: unknown key; did you mean 'url'?"),
        ({"zzz": 1}, "[inputs.blog] zzz: unknown key; known: every, kinds, "),
        ({"url": 5}, "[inputs.blog] url: expected text, got a whole number; write it in quotes"),
        ({"n": "5"}, "[inputs.blog] n: expected a whole number, got text; write it without quotes"),
        ({"n": 101}, "[inputs.blog] n: is at most 100"),
        ({"mode": "quick"}, "[inputs.blog] mode: there is no 'quick'; known: fast, slow"),
        (
            {"words": ["a", 1]},
            "[inputs.blog] words: expected text, got a whole number, at [1]; write it",
        ),
        ({"words": "a"}, "[inputs.blog] words: expected a list, got text; write it in [ ]"),
        ({"parts": [{"name": "x"}, {"nmae": "y"}]}, "[inputs.blog] parts: table "),
        ({"every": "soon"}, "[inputs.blog] every: cannot read the duration 'soon'; write"),
        ({"every": True}, "[inputs.blog] every: a duration cannot be true or false"),
        ({"pause": []}, "[inputs.blog] pause: a duration is a number of seconds or text"),
        ({"token": LEAK}, "[inputs.blog] token: a secret is never written here; use { secret"),
        ({"token": [LEAK]}, "[inputs.blog] token: a secret is never written here"),
        ({"tokens": {"a": LEAK}}, "[inputs.blog] tokens: a secret is never written here"),
        (
            {"token": {"secert": "x"}},
            "[inputs.blog] token: unknown key 'secert'; did you mean 'secret'?",
        ),
        (
            {"token": {"secret": 5}},
            "[inputs.blog] token: expected text, got a whole number, at secret",
        ),
        ({"token": {"secret": ""}}, "[inputs.blog] token: a secret's name cannot be ''"),
        ({"n": 1.5}, "[inputs.blog] n: expected a whole number, got a number"),
        ({"n": True}, "[inputs.blog] n: expected a whole number, got true or false"),
        (
            {"url": date(2026, 1, 1)},
            "[inputs.blog] url: expected text, got a date; write it in quotes",
        ),
        ({"mode": "FAST"}, "[inputs.blog] mode: there is no 'FAST'; did you mean 'fast'?"),
        ({"mode": 5}, "[inputs.blog] mode: expected text, got a whole number; write it in quotes"),
        (
            {"limit": "5"},
            "[inputs.blog] limit: expected a whole number, got text; write it without",
        ),
        ({"limit": 11}, "[inputs.blog] limit: expected a whole number <= 10"),
        ({"every": float("nan")}, "[inputs.blog] every: nan is no duration in seconds"),
        ({"every": "-5s"}, "[inputs.blog] every: cannot read the duration '-5s'; write"),
        ({"every": "5 hours"}, "[inputs.blog] every: cannot read the duration '5 hours'; write"),
        (
            {"token": {"value": "x"}},
            "[inputs.blog] token: unknown key 'value'; known: file, secret",
        ),
        ({"token": {"secret": "no"}}, "[inputs.blog] token: no secret found: put it into "),
        ({"token": {"secret": "a", "file": "b"}}, "[inputs.blog] token: give either"),
    ],
)
def test_a_mistake_is_told_with_file_and_key(
    folder: Path, change: dict[str, Any], problem: str
) -> None:
    """Each says what is wrong where; what may be a secret is not repeated."""
    value, found = read({"url": "https://example.org"} | change, folder)
    assert value is None
    assert len(found) == 1
    assert found[0].startswith(f"gateway.toml: {problem}")
    assert LEAK not in found[0]
    assert "`" not in found[0]
    assert "$" not in found[0]


def test_all_mistakes_of_a_table_are_told_together(folder: Path) -> None:
    """One mistake does not hide the next."""
    table = {"ulr": "x", "n": "5", "every": "soon", "token": LEAK}
    value, found = read(table, folder)
    assert value is None
    keys = [problem.split("] ")[1].split(":")[0] for problem in found]
    assert keys == ["ulr", "url", "every", "token", "n"]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (ValueError("n has to be odd"), ["[x] n: has to be odd"]),
        (ValueError("n: no"), ["[x] n: no"]),
        (ValueError("n and url do not fit"), ["[x]: n and url do not fit"]),
        (ValueError("this has to be odd"), ["[x]: this has to be odd"]),
        (ConfigError("n has to be odd", "url is empty"), ["[x] n: has to be odd", "[x] url: is empty"]),
    ],
)  # fmt: skip
def test_what_a_table_says_of_itself_goes_to_its_key(
    folder: Path, raised: Exception, told: list[str]
) -> None:
    """A sentence that begins with a key is told at the key; several are several problems."""

    class Fussy(PluginConfig):
        url: str = ""
        n: int = 1

        def __post_init__(self) -> None:
            raise raised

    problems = Problems("f")
    assert read_table({}, Fussy, "[x]", problems, folder) is None
    assert problems.found == [f"f: {problem}" for problem in told]


@pytest.mark.parametrize("table", [5, "x", [1], None, True])
def test_what_is_no_table_is_told(folder: Path, table: object) -> None:
    """`blog = 5` where a table belongs is one sentence."""
    value, found = read(table, folder)
    assert value is None
    assert found == ["gateway.toml: [inputs.blog]: this has to be a table"]


def test_a_type_that_settings_cannot_hold_is_told(folder: Path) -> None:
    """A plugin that asks for something impossible is refused with a sentence."""

    class Odd(PluginConfig):
        what: complex

    value, found = read({"what": "1"}, folder, Odd)
    assert value is None
    assert found == ["gateway.toml: [inputs.blog] what: settings cannot hold a complex"]


def test_shown_is_plain_without_secrets(folder: Path) -> None:
    """What is shown can be written as TOML: masked, unset values left out, sets in one order."""
    value, _ = read({"url": "u", "token": {"secret": "token"}, "parts": [{"name": "x"}]}, folder)
    plain = shown(value)
    assert plain == {
        "url": "u",
        "every": "15min",
        "token": "<secret>",
        "tokens": {},
        "mode": "fast",
        "n": 3,
        "words": [],
        "kinds": ["note", "page", "post"],
        "parts": [{"name": "x", "weight": 1.0}],
    }
    assert b"EAA" not in msgspec.json.encode(plain)
    again, found = read({k: v for k, v in plain.items() if k != "token"}, folder)
    assert found == []
    assert again.every == value.every
    assert shown({"a": (Path("x"), None), 1: None}) == {"a": ["x", None]}
