"""The rules of the house: who may import whom, how long a file is, what stands in it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LONGEST = 300

LAYERS = {
    "values": (
        "errors ids linking values columns secret content message numbers verdicts news inbound stopping "
        "consent_chain consent_state"
    ),
    "contract": "services views plans given plugin hookspecs",
    "tools": (
        "clock keys replay replay_file merkle heads ledger signing texts links isolation series metrics logs "
        "wire sockets plain posting http crowd peer web systemd lock"
    ),
    "store": "store",
    "work": (
        "consent phrases near words tables discovery document sections duties safety pricing month config "
        "pipeline rates quotas limiter senders breaker slowing ending consequences probing attempt granting "
        "delivery fan_out inbox expiring supervisor observing "
        "importing figures holding living storage_watch time_watch hearing unknowns watching health "
        "mailing previewing planning stamping proofs proof_check proof_words paper proof_page "
        "dossier_page proof_files retaining anchoring answering context"
    ),
    "whole": (
        "assembly sharing labels compliance questions plugin_operations plan_operations "
        "ledger_operations "
        "delivery_operations case_operations observer_operations rights_operations "
        "sender_operations replacing backup operations "
        "admin foresight background daemon "
        "foreground api fake_services fakes testing cli __main__"
    ),
}
"""From top to bottom: a file imports from its own layer and those above."""

RANK = {
    f"gateway.{module}": rank
    for rank, modules in enumerate(LAYERS.values())
    for module in modules.split()
}

BROAD = {
    "gateway/isolation.py": "the one place that makes a plugin's crash a value",
    "gateway/pipeline.py": "the same for the whole chain, where a scope per call costs too much",
    "gateway/discovery.py": "importing and asking a plugin: its reason is kept",
    "gateway/assembly.py": "a plugin's constructor: one problem among the others",
    "gateway/daemon.py": "a plugin's lifespan: must not keep the others from ending",
    "gateway/metrics.py": "a plugin's metric: the page must not break",
    "gateway/store/writer.py": "whatever a job raises belongs to its caller",
    "gateway/web.py": "a route's bug: one answer 500, the server goes on",
    "gateway/cli/group.py": "a command's plugin: the other commands stay usable",
    "gateway/testing.py": "for plugin authors: whatever a plugin raises is told as one failure",
    "plugins/gateway_plugins/outputs/whatsapp/endpoint.py": "a webhook's bug: answered, not kept",
    "plugins/gateway_plugins/outputs/whatsapp/beside.py": "what is beside sending never stops it",
    "plugins/gateway_plugins/inputs/feed/child.py": "a feed's bug stays in its own process",
}
"""Where `except Exception` (or broader) may stand, and why."""


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "plugins" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


CORE = files("gateway")
PLUGINS = files("plugins")
NAMES = {name_of(path) for path in CORE + PLUGINS}


def imports(path: Path, in_functions: bool = True) -> Iterator[str]:
    """Yield every module that a file imports; not what is for types only."""
    left_out: set[ast.AST] = set()
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            left_out.update(inner for part in node.body for inner in ast.walk(part))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not in_functions:
            left_out.update(ast.walk(node))
        if node in left_out:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            module = ".".join(p for p in (base if node.level else "", node.module or "") if p)
            for alias in node.names:
                whole = f"{module}.{alias.name}"
                yield whole if whole in NAMES else module


def rank(module: str) -> int | None:
    """Return a module's layer; None for the package itself, which only holds the version."""
    while module not in RANK and "." in module:
        module = module.rpartition(".")[0]
    return RANK.get(module)


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_imports_point_up_the_layers(path: Path) -> None:
    """A file of the core imports from its own layer and those above, and never a plugin."""
    own = rank(name_of(path))
    assert own is not None or name_of(path) in ("gateway", "gateway.store"), "name its layer here"
    for module in imports(path):
        assert not module.startswith(("gateway_plugins", "gateway_sandbox", "plugins")), module
        other = rank(module) if module.split(".")[0] == "gateway" else None
        if other is not None:
            assert own is not None
            assert other <= own, f"{name_of(path)} imports {module}, which lies below it"


def test_nobody_imports_in_a_circle() -> None:
    """Within a layer too, imports have a direction; inside a function one may look back."""
    graph = {name_of(p): set(imports(p, in_functions=False)) & NAMES for p in CORE}
    graph = {module: others - {"gateway", module} for module, others in graph.items()}
    done: set[str] = set()
    while ready := {m for m, others in graph.items() if others <= done} - done:
        done |= ready
    assert set(graph) - done == set()


def test_api_imports_values_and_contract_only() -> None:
    """What a plugin imports is small: values, contract, and the error of the HTTP client."""
    path = ROOT / "gateway" / "api.py"
    for module in imports(path):
        if module != "gateway" and module.startswith("gateway"):
            assert (rank(module) or 0) <= 1 or module == "gateway.http"
    names = [
        alias.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ImportFrom) and node.module == "gateway.http"
        for alias in node.names
    ]
    assert names == ["FetchError"]


def test_api_lists_all_that_it_offers() -> None:
    """`__all__` of gateway.api is what it imports, in order."""
    api = import_module("gateway.api")
    public = {name for name in vars(api) if not name.startswith("_")} - {"annotations"}
    assert set(api.__all__) == public
    assert api.__all__ == sorted(api.__all__)


@pytest.mark.parametrize("path", PLUGINS, ids=name_of)
def test_plugins_import_the_api_only(path: Path) -> None:
    """A plugin knows gateway.api; the sandbox, a stand-in for the provider, knows nothing."""
    own = name_of(path).split(".")[0]
    for module in imports(path):
        top = module.split(".")[0]
        if top == "gateway":
            assert own == "gateway_plugins", module
            assert module == "gateway.api", module
        assert not (top in ("gateway_plugins", "gateway_sandbox") and top != own), module


def broad(path: Path) -> list[int]:
    """Return the lines where everything is caught and does not go on."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler) and ast.unparse(node.body[-1]) != "raise":
            caught = "" if node.type is None else ast.unparse(node.type)
            if not caught or {"Exception", "BaseException"} & set(caught.strip("()").split(", ")):
                lines.append(node.lineno)
    return lines


@pytest.mark.parametrize("path", CORE + PLUGINS, ids=name_of)
def test_everything_is_caught_in_few_files(path: Path) -> None:
    """Catching broadly is subtle; it stands in few files, each with a reason."""
    lines = broad(path)
    if str(path.relative_to(ROOT)) not in BROAD:
        assert lines == [], "catch what you expect, or name the file and the reason here"


def test_the_list_of_broad_catches_is_true() -> None:
    """A file that catches broadly no longer leaves the list."""
    assert [name for name in BROAD if not broad(ROOT / name)] == []


@pytest.mark.parametrize("path", CORE + PLUGINS, ids=name_of)
def test_files_are_short(path: Path) -> None:
    """A file can be read in one go."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", CORE + PLUGINS, ids=name_of)
def test_what_is_public_says_what_it_is(path: Path) -> None:
    """Every module has a first line; in the core every public class and function has one too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if tree.body:
        assert ast.get_docstring(tree), "a module's first line says what the file is for"
    if path not in CORE:
        return
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.name.startswith("_") or ast.get_docstring(node), node.name


EACH_ALONE = """
import importlib, sys, warnings
warnings.simplefilter("error")
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
    for loaded in set(sys.modules) - before:
        if loaded.split(".")[0] in ("gateway", "gateway_plugins", "gateway_sandbox"):
            del sys.modules[loaded]
"""


def test_every_module_can_be_imported_first() -> None:
    """No module relies on another one having been imported before it, and none warns."""
    names = [name for name in sorted(NAMES) if not name.endswith("__main__")]
    done = subprocess.run(
        [sys.executable, "-c", EACH_ALONE, *names],
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
    )
    assert done.returncode == 0, done.stderr


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
POINTS = [
    EntryPoint(name, value, group)
    for group, points in (
        *PROJECT["entry-points"].items(),
        ("console_scripts", PROJECT["scripts"]),
    )
    for name, value in points.items()
]


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point.group}:{point.name}")
def test_entry_points_lead_somewhere(point: EntryPoint) -> None:
    """What pyproject.toml names exists; a plugin's name is that of its entry point and module."""
    loaded = point.load()
    if point.group == "gateway.plugins":
        assert point.name in {cls.name for cls in loaded.register()}
        assert point.value.split(".")[-1] == point.name
    else:
        assert callable(loaded)


def test_the_layers_are_those_of_the_docstring() -> None:
    """gateway/__init__.py tells a newcomer the layers in this order."""
    told = import_module("gateway").__doc__ or ""
    order = [told.index(f"\n    {layer} ") for layer in LAYERS]
    assert order == sorted(order)
    named = set(re.findall(r"[a-z_]+", told.partition("layers above its own:")[2]))
    modules = {one for layer in LAYERS.values() for one in layer.split()}
    assert modules - named - {"__main__"} == set(), "name them there, in their layer"
