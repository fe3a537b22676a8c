"""docs/plugins.md leaves nothing out: what it quotes and names is the code's, and all of it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
from prometheus_client import CollectorRegistry

from gateway import API_VERSION, api, consent_state, given, hookspecs, plugin, services, testing
from gateway.inbound import StatusName
from gateway.metrics import Metrics
from gateway.pipeline import CRASH_CODES
from gateway.store import sqlite
from gateway.store.protocol import Settlement
from tests.plugins_page import QUOTED, TEXT

BASES = (plugin.Plugin, plugin.Input, plugin.Middleware, plugin.Output, plugin.Observer)
CONTRACT = (
    *BASES, given.Context, services.Http, services.State, services.Clock, services.PluginMetrics,
    services.Texts, services.Links,
)  # fmt: skip


def signatures(body: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
            returns = ast.unparse(node.returns) if node.returns else ""
            yield node.name, f"{kind}def {node.name}({ast.unparse(node.args)}) -> {returns}"


def in_code() -> dict[str, set[str]]:
    """Name → its signatures, of every method that the contract has."""
    all_: dict[str, set[str]] = {}
    for cls in CONTRACT:
        tree = textwrap.dedent(inspect.getsource(cls))
        for name, signature in signatures(tree):
            if not name.startswith("_"):
                all_.setdefault(name, set()).add(signature)
    return all_


def properties() -> set[str]:
    return {
        name for cls in CONTRACT for name, value in vars(cls).items() if isinstance(value, property)
    }


def test_quoted_signatures_are_those_of_the_code() -> None:
    """Each is quoted as it is in the code, and each method of the contract is quoted."""
    quoted: dict[str, set[str]] = {}
    for body in QUOTED:
        for name, signature in signatures(body):
            quoted.setdefault(name, set()).add(signature)
    code = {name: found for name, found in in_code().items() if name not in properties()}
    assert quoted == code


@pytest.mark.parametrize(
    "name",
    sorted(
        {"register"}
        | {name for cls in BASES for name in vars(cls) if not name.startswith("_")}
        | {name for cls in BASES for name in inspect.get_annotations(cls)}
    ),
)
def test_every_hook_method_and_attribute_is_mentioned(name: str) -> None:
    """Whatever a base class offers stands in the page, as code."""
    assert re.search(rf"`{name}\b|def {name}\(", TEXT), name


@pytest.mark.parametrize(
    "name", sorted(name for name in vars(given.Context) if not name.startswith("_"))
)
def test_every_member_of_the_context_is_mentioned(name: str) -> None:
    """The table of the context has a line for each."""
    assert f"| `context.{name}` |" in TEXT


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_of_the_api_is_mentioned(name: str) -> None:
    """It stands in the last table, and in no other way than it can be imported."""
    table = TEXT.rpartition("## Every name of `gateway.api`")[2]
    assert f"`{name}`" in table


@pytest.mark.parametrize(
    "name", sorted(name for name in vars(services.CompanyFacts) if not name.startswith("_"))
)
def test_every_fact_of_the_company_is_mentioned(name: str) -> None:
    (line,) = [line for line in TEXT.splitlines() if line.startswith("| `context.company` |")]
    assert f"`{name}`" in line


def test_what_the_page_says_of_the_fake_context_is_there() -> None:
    """Each name of the table is an attribute, or an attribute's."""
    (table,) = re.findall(r"^\| of `FakeContext` \|.*?\n\n", TEXT, re.MULTILINE | re.DOTALL)
    context = testing.FakeContext()
    names = set(re.findall(r"`([a-z_.]+)(?:\(\))?`", table))
    assert len(names) > 20
    for name in names:
        at: object = context
        for part in name.split("."):
            at = getattr(at, part)


def written(folder: Path) -> tuple[set[str], set[str]]:
    """The names of journal lines in the store's code: whole ones, and beginnings of those that
    end in a value."""
    whole, beginnings = set(), set()
    kinds = "message|delivery|status|consent|sign_up|contact|case|retention"
    for path in folder.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                if re.fullmatch(rf"({kinds})\.", str(node.values[0].value)):
                    beginnings.add(str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                if re.fullmatch(rf"({kinds})\.[a-z_]+", node.value):
                    whole.add(node.value)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "tx.journal":
                whole |= (
                    {str(node.args[1].value)} if isinstance(node.args[1], ast.Constant) else set()
                )
    return whole, beginnings


def choices(hint: Any) -> set[str]:
    """The words of a Literal."""
    assert get_origin(hint) is Literal
    return set(get_args(hint))


def test_the_events_are_those_that_the_store_writes() -> None:
    """The table of the journal has every name that is written, and no other."""
    whole, beginnings = written(Path(str(sqlite.__file__)).parent)
    steps = choices(get_type_hints(given.Context.steer)["action"])
    outcomes = choices(get_type_hints(Settlement)["outcome"])
    endings = {
        "message.": {"ready", "held", "dropped", *steps},
        "delivery.": {*outcomes, *choices(StatusName), "held", "dropped"},
        "consent.": {*consent_state._MOVES, "asked", "withdrawn", "resumed"},
    }
    assert beginnings == set(endings)
    whole |= {beginning + end for beginning, ends in endings.items() for end in ends}
    section = TEXT.partition("#### What the journal says")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    assert rows.pop(0) == " `event.name` "
    told = [name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)]
    assert sorted(told) == sorted(whole)


def test_there_is_one_hook() -> None:
    """The page says that `register` is the one hook."""
    hooks = [n for n, f in vars(hookspecs).items() if hasattr(f, f"{hookspecs.PROJECT}_spec")]
    assert hooks == ["register"]


def test_names_that_the_page_uses_exist() -> None:
    """Codes, metrics, version and helpers are those of the code."""
    for code in CRASH_CODES - {"unreachable"}:
        assert f"`{code}`" in TEXT
    assert f"`API_VERSION` of `gateway.api` is {API_VERSION}." in TEXT
    metrics = Metrics(CollectorRegistry())
    metrics.prepare(version="1", senders=["a"], plugins=["a"], codes=["b"])
    page = metrics.render()[0].decode()
    for series in set(re.findall(r"gateway_[a-z_]+(?=[`{])", TEXT)) - {"gateway_plugins"}:
        assert f"\n{series}" in page, series
    for helper in ("make", "message", "delivery", "judged", "limits", "started", "FakeContext",
                   "assert_keeps_secret"):  # fmt: skip
        assert f"`{helper}`" in TEXT
        assert hasattr(testing, helper)
    for cls in (api.Drop, api.Hold, api.Rate, api.Quota, api.Closed, api.Concern):
        fields = ", ".join(
            name if default is inspect.Parameter.empty else f"{name}={default!r}"
            for name, default in (
                (p.name, p.default) for p in inspect.signature(cls).parameters.values()
            )
        )
        assert f"{cls.__name__}({fields.replace('until=None', 'until')})" in TEXT
