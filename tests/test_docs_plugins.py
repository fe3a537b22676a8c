"""docs/plugins.md is true: its code runs, its signatures are the code's, nothing is left out."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import trio
from prometheus_client import CollectorRegistry

from gateway import API_VERSION, api, hookspecs, plugin, testing
from gateway.assembly import assemble
from gateway.discovery import KINDS, Catalogue, discover
from gateway.metrics import Metrics
from gateway.pipeline import CRASH_CODES

DOCS = Path(__file__).parent.parent / "docs" / "plugins.md"
TEXT = DOCS.read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str, str]] = re.findall(
    r"^```(\w+)(?: (\S+))?\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL
)
FILES = {name: body for _, name, body in BLOCKS if name}
TESTS = [name for name in FILES if name.startswith("test_")]
COMMANDS = [name for name in FILES if name.endswith("_command.py")]
PLUGINS = [name for name in FILES if name.endswith(".py") and name not in {*TESTS, *COMMANDS}]
QUOTED = [body for language, name, body in BLOCKS if language == "python" and not name]
BASES = (plugin.Plugin, plugin.Input, plugin.Middleware, plugin.Output, plugin.Observer)
CONTRACT = (*BASES, plugin.Context, plugin.Http, plugin.State, plugin.Clock, plugin.PluginMetrics)


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    """The modules of the page, importable by name as in a folder of their author."""
    folder = tmp_path_factory.mktemp("author")
    for name, body in FILES.items():
        if name.endswith(".py"):
            (folder / name).write_text(body, encoding="utf-8")
    sys.path.insert(0, str(folder))
    names = [name.removesuffix(".py") for name in FILES if name.endswith(".py")]
    try:
        yield {name: importlib.import_module(name) for name in names}
    finally:
        sys.path.remove(str(folder))
        for name in names:
            sys.modules.pop(name, None)


def found(modules: dict[str, ModuleType]) -> Catalogue:
    """What discovery makes of the page's modules, each behind a fake entry point."""
    names = [name.removesuffix(".py") for name in PLUGINS]
    assert modules.keys() >= set(names)
    return discover([EntryPoint(name, name, hookspecs.GROUP) for name in names])


def test_every_module_is_a_plugin(modules: dict[str, ModuleType]) -> None:
    """All are found, none is broken, each is called as its file is; every kind has an example."""
    catalogue = found(modules)
    assert catalogue.broken == ()
    assert {f"{name}.py" for name in catalogue.plugins} == set(PLUGINS)
    kinds = {kind for one in catalogue.plugins.values() for kind in one.kinds}
    assert kinds == {kind for kind, _ in KINDS}
    assert any(len(one.kinds) > 1 for one in catalogue.plugins.values())


def test_the_first_plugin_has_twenty_lines() -> None:
    """The page says so, and it is the first thing on it."""
    assert BLOCKS[0][1] == "kicker.py"
    assert len(FILES["kicker.py"].splitlines()) == 20


def test_modules_import_the_api_only() -> None:
    """What the page asks of authors holds for its own code."""
    for name in FILES:
        if not name.endswith(".py"):
            continue
        allowed = {"gateway.api", "gateway.testing"} if name in TESTS else {"gateway.api"}
        for node in ast.walk(ast.parse(FILES[name])):
            taken = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            taken += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            ours = {module for module in taken if module.split(".")[0].startswith("gateway")}
            assert ours <= allowed, name


def test_the_packaging_fits_the_module() -> None:
    """The entry point is in the group that is read, and the wheel holds the module."""
    project = tomllib.loads(FILES["pyproject.toml"])
    assert project["project"]["entry-points"] == {hookspecs.GROUP: {"kicker": "kicker"}}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == ["kicker.py"]


def test_the_settings_are_right(modules: dict[str, ModuleType], tmp_path: Path) -> None:
    """The page's chain and table are accepted beside a company and a sender."""
    catalogue = found(modules)
    both = Catalogue({**discover().plugins, **catalogue.plugins})
    (tmp_path / "token").write_text("t")
    file = tmp_path / "gateway.toml"
    more = """
        [company]
        name = "Beispiel GmbH"
        [senders.main]
        output = "letters"
        url = "https://letters.example/send"
        token = { file = "token" }
        [topics.blog]
        title = "Neue Beiträge"
        purpose = "Hinweise"
        [inputs.shop]
        url = "https://shop.example/products"
        token = { file = "token" }
        topic = "blog"
        [observers.shop]
    """
    file.write_text(FILES["gateway.toml"] + textwrap.dedent(more), encoding="utf-8")
    parts = assemble(file, both)
    assert [one.label for one in parts.chain][1] == "kicker"
    assert parts.chain[1].config.tag == "Neu: "
    assert parts.observers["shop"] is parts.inputs["shop"]


@pytest.mark.parametrize("name", TESTS)
def test_the_tests_pass(modules: dict[str, ModuleType], name: str, pytester_run: Any) -> None:
    """The page's tests are collected and pass, by pytest, in a folder of their own."""
    assert "failed" not in pytester_run
    ran = re.findall(rf"{re.escape(name)}::(\w+)\S* PASSED", pytester_run)
    functions = [f for f in vars(modules[name.removesuffix(".py")]) if f.startswith("test_")]
    assert set(ran) == set(functions)
    assert functions


@pytest.fixture(scope="module")
def pytester_run(modules: dict[str, ModuleType]) -> str:
    """The output of one run of all the page's tests in another process."""
    import subprocess

    folder = Path(str(modules["kicker"].__file__)).parent
    (folder / "pytest.ini").write_text("[pytest]\ntrio_mode = true\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", *TESTS],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_are_commands(modules: dict[str, ModuleType], name: str) -> None:
    """A command's module holds a click command with help, and its plugin answers it."""
    from click.testing import CliRunner

    module = modules[name.removesuffix(".py")]
    (command,) = [value for value in vars(module).values() if isinstance(value, click.Command)]
    assert command.help

    label = name.removesuffix("_command.py")
    (cls,) = modules[label].register()
    plugin = testing.make(cls)

    class Target:
        def call(self, operation: str, **given: Any) -> Any:
            assert (operation, given["label"]) == ("plugin", label)
            return trio.run(plugin.command, given["command"], given["arguments"])

    for topic in ("blog", "blog", "shop"):
        trio.run(plugin.screen, testing.message(topic=topic))
    run = CliRunner().invoke
    assert run(command, [], obj=Target()).output == "blog: 2\nshop: 1\n"
    assert run(command, ["shop"], obj=Target()).output == "shop: 1\n"
    assert "no message of 'none' came by" in str(run(command, ["none"], obj=Target()).exception)


def test_the_entry_points_of_the_commands_lead_to_them(modules: dict[str, ModuleType]) -> None:
    (block,) = [body for language, _, body in BLOCKS if language == "toml" and "commands" in body]
    points = tomllib.loads(block)["project"]["entry-points"]
    for name, value in points["gateway.commands"].items():
        module, _, attribute = value.partition(":")
        assert getattr(modules[module], attribute).name == name
    assert set(points["gateway.plugins"]) == {name[:-11] for name in COMMANDS}


# --- nothing is left out, and what is quoted is the code's --------------------------------------
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
    "name", sorted(name for name in vars(plugin.Context) if not name.startswith("_"))
)
def test_every_member_of_the_context_is_mentioned(name: str) -> None:
    """The table of the context has a line for each."""
    assert f"| `context.{name}` |" in TEXT


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
    for cls in (api.Drop, api.Hold, api.Rate, api.Quota, api.Closed):
        fields = ", ".join(
            name if default is inspect.Parameter.empty else f"{name}={default!r}"
            for name, default in (
                (p.name, p.default) for p in inspect.signature(cls).parameters.values()
            )
        )
        assert f"{cls.__name__}({fields.replace('until=None', 'until')})" in TEXT
