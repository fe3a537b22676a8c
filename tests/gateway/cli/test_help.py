"""`--help` is there at once, imports next to nothing, and survives broken plugins."""

import os
import re
import resource
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from gateway.cli import SECTIONS, cli

GENEROUS = 3.0
"""The bound is 100 ms of CPU on a quiet machine; a busy one may take longer."""


def python(*arguments, **environment):
    return subprocess.run(
        [sys.executable, *arguments],
        check=False, capture_output=True, text=True, timeout=60, env=os.environ | environment,
    )  # fmt: skip


def run(*arguments, **environment):
    return python("-m", "gateway", *arguments, **environment)


def test_help_is_fast():
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert run("--help").returncode == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(took) < 0.100 * GENEROUS


def test_help_imports_next_to_nothing():
    code = (
        "import sys\nfrom gateway.cli import cli\n"
        "cli(['--help'], standalone_mode=False)\nprint(*sys.modules, file=sys.stderr)"
    )
    done = python("-c", code)
    modules = set(done.stderr.split())
    assert not modules & {"trio", "msgspec", "apsw", "httpx", "importlib.metadata", "tomllib"}
    ours = {name for name in modules if name.startswith("gateway")}
    assert ours == {"gateway", "gateway.cli", "gateway.cli.group", "gateway.errors"}


def test_status_does_not_import_the_daemon():
    code = "import sys, gateway.cli.status, gateway.cli.reach; print(*sys.modules)"
    done = python("-c", code)
    assert not set(done.stdout.split()) & {"trio", "apsw", "httpx", "starlette", "phonenumbers"}


def test_help_names_every_command_and_the_exit_status():
    text = CliRunner().invoke(cli, ["--help"], prog_name="gateway").stdout
    for table in SECTIONS.values():
        for name in table:
            assert f"\n  {name} " in text
    assert "2  wrong settings or arguments    status: sending stopped" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", [name for table in SECTIONS.values() for name in table])
def test_every_command_has_the_help_that_is_promised(name):
    found = CliRunner().invoke(cli, [name, "--help"], prog_name="gateway")
    assert found.exit_code == 0
    command = cli.get_command(cli.make_context("gateway", ["status"]), name)
    assert command is not None
    assert command.help


def _groups(command, path=()):
    context = click.Context(command, info_name=path[-1] if path else "gateway")
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if isinstance(found, click.Group):
            yield (*path, name)
            yield from _groups(found, (*path, name))


@pytest.mark.parametrize("path", list(_groups(cli)), ids=" ".join)
def test_no_line_of_help_is_cut(path):
    found = CliRunner().invoke(cli, [*path, "--help"], terminal_width=80)
    listed = found.stdout.partition("Commands:")[2]
    assert listed
    assert not [line for line in listed.splitlines() if line.endswith("...")]


@pytest.mark.parametrize("name", ["sender", "message"])
def test_the_line_of_a_group_names_what_it_can(name):
    """In the list of all commands and on its own page."""
    context = cli.make_context("gateway", ["status"])
    group = cli.get_command(context, name)
    lines = [table[name][1] for table in SECTIONS.values() if name in table] + [group.help]
    for line in lines:
        said = set(re.findall(r"\w+", line.partition(".")[0].lower()))
        assert set(group.list_commands(context)) <= said


def test_a_misspelt_command():
    found = CliRunner().invoke(cli, ["statu"], prog_name="gateway")
    assert found.exit_code == 2
    assert "Did you mean 'status'?" in found.stderr


@pytest.fixture
def plugins(tmp_path, monkeypatch):
    """Distributions with commands, as pip would leave them."""
    info = tmp_path / "other_plugins-2.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[gateway.commands]\nhello = hellos:hello\ntorn = torn:command\nnone=hellos:nothing\n"
        "nocommand = hellos:text\nstatus = torn:command\n[console_scripts]\nother = x:y\n"
    )
    (tmp_path / "broken-1.dist-info").mkdir()
    (tmp_path / "broken-1.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[gate")
    (tmp_path / "hellos.py").write_text(
        "import click\ntext = 'x'\n\n@click.command()\n@click.pass_obj\n"
        'def hello(\n    target,\n) -> None:\n    """Say hello."""\n    click.echo(target.file)\n'
    )
    (tmp_path / "torn.py").write_text("raise RuntimeError('torn')\n")
    monkeypatch.syspath_prepend(str(tmp_path))


def test_commands_of_plugins(plugins):
    text = CliRunner().invoke(cli, ["--help"], prog_name="gateway").stdout
    assert "hello      Say hello.\n" in text
    assert "torn       of other-plugins 2.0\n" in text
    assert "other" not in text.replace("other-plugins", "")
    found = CliRunner().invoke(cli, ["hello", "--config", "a.toml"], prog_name="gateway")
    assert found.stdout == "a.toml\n"
    assert "Does it send" in CliRunner().invoke(cli, ["status", "--help"]).stdout  # not replaced


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("torn", "importing torn:command failed: RuntimeError: torn"),
        ("none", "importing hellos:nothing failed: AttributeError"),
        ("nocommand", "hellos:text is no click command"),
    ],
)
def test_a_broken_command_is_a_sentence(plugins, name, said):
    found = CliRunner().invoke(cli, [name], prog_name="gateway")
    assert found.exit_code == 1
    assert said in found.stderr
    assert f"the command {name!r} of other-plugins 2.0 cannot be used" in found.stderr


def test_exit_status_of_the_process(tmp_path):
    file = tmp_path / "gateway.toml"
    file.write_text("chain = 3\n")
    for command, status in (("check", 2), ("run", 2), ("status", 3), ("queue", 2)):
        done = run(command, GATEWAY_CONFIG=str(file))
        assert done.returncode == status, command
        assert "Traceback" not in done.stderr
        assert f"{file}: " in done.stderr
    assert run("status", GATEWAY_CONFIG=str(tmp_path / "none.toml")).returncode == 3
