"""The units as they are shipped, under a real systemd: started, looked at, hung, backed up, restored,
stopped."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.shipped import CONFIG, read, secret_names
from tests.needs import need
from tests.systemd.machine import ENVIRONMENT, Machine, booted

ROOT = Path(__file__).parents[2]
NAME = "message-gateway.service"
BACKUP = "message-gateway-backup.service"
BACKUPS = "/var/lib/message-gateway-backups"
STATE = "/var/lib/message-gateway"
GATEWAY = ("env", "GATEWAY_CONFIG=/etc/message-gateway/gateway.toml",
           "/opt/message-gateway/bin/gateway")  # fmt: skip

PATHS = (
    'export GATEWAY_CONFIG=/etc/message-gateway/gateway.toml PATH="$PATH:/opt/message-gateway/bin"'
)
"""Of an administrator who has the commands at hand."""

LIBRARY = f"LD_LIBRARY_PATH={ENVIRONMENT['LD_LIBRARY_PATH']}"
HASTE = f"""
[Service]
Environment={LIBRARY}
WatchdogSec=3
RestartSec=100ms
"""
"""What differs from the unit as it is shipped: a hang is found sooner, so that it can be waited for."""

ETC = {
    "passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
    "messagebus:x:100:100::/:/usr/sbin/nologin\n",
    "group": "root:x:0:\nnogroup:x:65534:\nmessagebus:x:100:\n",
    "hosts": "127.0.0.1 localhost\n",
    "machine-id": "",
    f"systemd/system/{NAME}.d/haste.conf": HASTE,
    f"systemd/system/{BACKUP}.d/library.conf": f"[Service]\nEnvironment={LIBRARY}\n",
}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine on which the gateway was installed as docs/operations.md says, and booted."""
    folder = tmp_path_factory.mktemp("machine")
    etc = folder / "etc"
    for name, text in ETC.items():
        file = etc / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    for unit in (ROOT / "systemd").iterdir():
        shutil.copy(unit, etc / "systemd" / "system")
    secrets = etc / "message-gateway" / "secrets"
    secrets.mkdir(parents=True, mode=0o700)
    shutil.copy(CONFIG / "gateway.toml", secrets.parent)
    for name in secret_names(read(CONFIG / "gateway.toml")):
        (secrets / name).write_text("fake-secret\n")
        (secrets / name).chmod(0o600)
    with booted(folder, etc) as machine:
        machine.until(
            lambda: (machine.shown(NAME, "ActiveState"), machine.shown(NAME, "NRestarts")),
            lambda state: state[0] == "active" or state[1] != "0",
        )
        yield machine


def log(machine: Machine) -> str:
    return machine.run("journalctl", "--no-pager", f"--unit={NAME}").stdout


def main(machine: Machine) -> str:
    found = machine.shown(NAME, "MainPID")
    assert found != "0", log(machine)
    return found


def test_it_starts_and_says_that_it_is_ready(machine: Machine) -> None:
    """Type=notify: active means that every listener is open.  Its secrets were read."""
    assert machine.shown(NAME, "ActiveState") == "active", log(machine)
    assert machine.shown(NAME, "NRestarts") == "0", log(machine)
    assert "is up:" in log(machine)
    shown = machine.run("systemctl", "status", "--no-pager", NAME).stdout
    assert 'Status: "sending"' in shown


def test_it_is_nobody_and_owns_its_folders_alone(machine: Machine) -> None:
    user = machine.run("stat", "--format=%u", f"/proc/{main(machine)}").stdout.strip()
    assert int(user) >= 61184  # the range of DynamicUser=
    mode = "--format=%u %a"
    folder = machine.run("stat", "--dereference", mode, STATE).stdout.strip()
    assert folder == f"{user} 700"
    assert machine.run("stat", mode, f"{STATE}/gateway.sqlite").stdout.strip() == f"{user} 600"
    assert machine.run("readlink", STATE).stdout.strip() == "private/message-gateway"
    held = machine.run("grep", "^Cap", f"/proc/{main(machine)}/status").stdout
    assert {line.split()[1] for line in held.splitlines()} == {"0" * 16}


def test_commands_of_root_go_through_it(machine: Machine) -> None:
    """And what they did stands where an administrator looks first."""
    shown = machine.run(*GATEWAY, "status", check=False)
    assert shown.returncode in (0, 1), shown.stderr
    machine.run(*GATEWAY, "pause", "--reason", "Wartung")
    machine.until(lambda: machine.shown(NAME, "StatusText"), lambda text: "Wartung" in text)
    assert machine.run(*GATEWAY, "status", check=False).returncode == 2
    machine.run(*GATEWAY, "resume")
    machine.until(lambda: machine.shown(NAME, "StatusText"), lambda text: text == "sending")


def test_its_backup_is_put_back_as_the_manual_says(machine: Machine) -> None:
    """The nightly unit makes one, in place of those that are too old; root restores it."""
    machine.run("mkdir", "-p", BACKUPS)
    machine.run("touch", "--date=20 days ago", f"{BACKUPS}/2001-01-01.sqlite")
    machine.run("systemctl", "start", BACKUP)
    (made,) = machine.run("ls", BACKUPS).stdout.split()
    assert machine.run("stat", "--format=%u %a", f"{BACKUPS}/{made}").stdout == "0 600\n"
    restoring = block("backup.md", "## To restore").replace("2026-11-22.sqlite", made)
    assert made in restoring
    *steps, last = restoring.strip().splitlines()
    assert last == "gateway resume"
    held = machine.run("bash", "-c", "\n".join([PATHS, *steps]), check=False)
    assert "is the database now" in held.stdout, held.stdout + held.stderr
    assert "All marketing (restored)" in held.stdout, held.stdout + held.stderr
    user = machine.run("stat", "--format=%u", f"/proc/{main(machine)}").stdout
    files = machine.run("bash", "-c", f"stat --format=%u {STATE}/gateway.sqlite*").stdout
    assert set(files.splitlines(keepends=True)) == {user}
    machine.run(*GATEWAY, "resume")


def test_commands_of_its_own_user_while_it_is_stopped(machine: Machine) -> None:
    """Root is told what to do; and as the manual says, it is read from disk."""
    need("dbus-daemon")  # systemd-run waits over it
    machine.run("systemctl", "start", "dbus.service")
    machine.run("systemctl", "set-environment", LIBRARY)  # of what systemd-run starts
    offline = block("operations.md", "This runs a command as")
    machine.run("systemctl", "stop", NAME)
    try:
        refused = machine.run(*GATEWAY, "status", check=False)
        shown = machine.run("bash", "-c", offline, check=False)
    finally:
        machine.run("systemctl", "start", NAME)
    assert refused.returncode == 3
    assert "systemctl status message-gateway" in refused.stderr
    assert "gateway_offline" in refused.stderr, "a user that is only there while it runs"
    assert shown.returncode == 3
    assert "not running" in shown.stdout, shown.stdout + shown.stderr


def block(page: str, after: str) -> str:
    """Return the first code of a manual behind some words."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8").partition(after)[2]
    found = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_a_hang_is_ended_shown_and_started_again(machine: Machine) -> None:
    hung = main(machine)
    machine.run("kill", "-STOP", hung)
    machine.until(lambda: machine.shown(NAME, "NRestarts"), lambda n: n == "1")
    machine.until(lambda: machine.shown(NAME, "ActiveState"), lambda s: s == "active")
    assert main(machine) != hung
    told = log(machine)
    assert "Failed with result 'watchdog'" in told
    assert "gateway/store/writer.py" in told, "the log does not show where it hung"


def test_it_stops_cleanly_and_in_time(machine: Machine) -> None:
    machine.run("systemctl", "stop", NAME)  # not longer than PATIENCE, a kill would come at 45 s
    assert machine.shown(NAME, "Result") == "success"
    assert machine.shown(NAME, "ExecMainStatus") == "0"
    assert '"message":"stopped"' in log(machine)
    assert machine.run("ls", "/run/message-gateway", check=False).stdout == ""
