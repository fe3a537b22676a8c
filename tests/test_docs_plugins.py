"""The code of docs/plugins.md runs: its plugins are plugins, its settings are right, its tests pass."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import click
import pytest
import trio

from gateway import hookspecs, testing
from gateway.assembly import assemble
from gateway.discovery import KINDS, Catalogue, discover
from tests.plugins_page import BLOCKS, FILES

TESTS = [name for name in FILES if name.startswith("test_")]
COMMANDS = [name for name in FILES if name.endswith("_command.py")]
PLUGINS = [name for name in FILES if name.endswith(".py") and name not in {*TESTS, *COMMANDS}]


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
    chain = FILES["gateway.toml"].replace('"footer"', '"footer", "fuse"', 1)
    page = chain + textwrap.dedent(more) + FILES["callme.toml"]
    file.write_text(page, encoding="utf-8")
    parts = assemble(file, both)
    assert [one.label for one in parts.chain][1] == "kicker"
    assert parts.chain[1].config.tag == "Neu: "
    observers = cast(dict[str, Any], parts.observers)
    assert observers["shop"] is parts.inputs["shop"]
    assert observers["fuse"] is parts.chain[-1]
    assert observers["answers"].config.words == {"rückruf": "Wir rufen dich gern zurück."}


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
