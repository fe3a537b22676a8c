"""`gateway backup` and `restore` at the terminal."""

from __future__ import annotations

import json
import os
import shutil

import pytest
import trio

from gateway.keys import Keys
from gateway.lock import only_writer
from gateway.replay import replay_folder
from gateway.store.sqlite import SqliteStore
from tests.gateway.cli.test_reach import daemon
from tests.gateway.store.house import House


@pytest.fixture(autouse=True)
def niceness(monkeypatch):
    """What the command gives way by; this process goes on as it is."""
    given = []
    monkeypatch.setattr("os.nice", given.append)
    return given


@pytest.fixture
def database(folder):
    """A database with two people in it."""
    path = folder / "gateway.sqlite"
    key = Keys(folder / "keys").secret("suppression")

    async def fill():
        async with SqliteStore(path, suppression_key=key) as store:
            house = House(store)
            await house.confirmed(2)
            house.later()

    trio.run(fill)
    return path


def stop(folder, path):
    """One of the two says STOP."""

    async def say():
        key = Keys(folder / "keys").secret("suppression")
        async with SqliteStore(path, suppression_key=key) as store:
            house = House(store)
            house.now += 10_000_000
            await house.says(1, "STOP", stop=True)

    trio.run(say)


def test_there_and_back(gateway, folder, database):
    """The page says what is where, what comes at the start, and what to do; nothing is lost."""
    done = gateway("backup", "copy.sqlite")
    assert done.exit_code == 0, done.output
    assert done.output.startswith("copy.sqlite: 1 MB, whole, and readable for you alone.\n")
    assert "keys" in done.output
    stop(folder, database)
    done = gateway("restore", "copy.sqlite")
    assert done.exit_code == 0, done.output
    assert "1 withdrawal and 0 sends after it" in done.output
    assert "gateway resume" in done.output
    (aside,) = folder.glob("gateway.sqlite.replaced-*")
    assert aside.name in done.output
    status = json.loads(gateway("status", "--json").output)
    assert status["stops"]["marketing"]["causes"][0]["code"] == "restored"
    done = gateway("resume")
    assert done.output == "Marketing goes on, and all else.\n"
    assert json.loads(gateway("status", "--json").output)["stops"] == {}


def test_for_programs(gateway, folder, database, niceness):
    """As JSON; and whoever sends comes first."""
    told = json.loads(gateway("backup", "copy.sqlite", "--json").output)
    assert niceness == [10]
    assert told["bytes"] == (folder / "copy.sqlite").stat().st_size
    told = json.loads(gateway("restore", "copy.sqlite", "--json").output)
    assert told["made_at"] > 0
    assert (told["withdrawals"], told["sends"], told["unreadable"]) == (0, 0, 0)


def test_root_restores_for_the_gateways_own_user(gateway, folder, database):
    """With the daemon stopped, and without becoming that user."""
    if os.geteuid() != 0:
        pytest.skip("only root may give files away")
    gateway("backup", "copy.sqlite")
    for file in (folder, *folder.rglob("*")):
        os.chown(file, 65534, 65534)
    done = gateway("restore", "copy.sqlite")
    assert done.exit_code == 0, done.output
    assert {file.stat().st_uid for file in (folder, *folder.rglob("*"))} == {65534}


def test_a_running_gateway_is_not_restored(gateway, folder, database):
    """Nor one that starts or ends: whoever holds the lock has the database."""
    gateway("backup", "copy.sqlite")
    with daemon(folder / "admin.sock"):
        done = gateway("restore", "copy.sqlite")
        assert done.exit_code == 1
        assert "stop it first" in done.output
    (folder / "admin.sock").unlink()
    with only_writer(database):
        done = gateway("restore", "copy.sqlite")
        assert done.exit_code == 1
        assert "is in use by process" in done.output


def test_a_backup_while_it_runs_is_told_to_the_daemon(gateway, folder, database):
    with daemon(folder / "admin.sock") as asked:
        assert gateway("backup", "copy.sqlite").exit_code == 0
        ((path, arguments),) = asked
        assert path == "/op/backed_up"
        assert set(arguments) == {"at"}


@pytest.mark.parametrize("file", ["gateway.sqlite", "./gateway.sqlite"])
def test_not_onto_itself(gateway, database, file):
    done = gateway("backup", file)
    assert done.exit_code == 2
    assert "is the database itself" in done.output


def test_without_the_keys_it_says_what_is_missing(gateway, folder, database):
    """Before the start: then it is not too late to put them back."""
    gateway("backup", "copy.sqlite")
    stop(folder, database)
    shutil.rmtree(folder / "keys")
    done = gateway("restore", "copy.sqlite")
    assert "put it back before the start" in done.output
    assert replay_folder(database).exists()
    assert not (folder / "keys").exists(), "none is made up"
