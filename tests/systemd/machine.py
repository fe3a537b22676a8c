"""A real systemd as process 1 of a machine of its own, made of namespaces; needs root."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from tests.needs import lacking, need

PROJECT = Path(__file__).parents[2]
SCRIPT = Path(__file__).with_name("machine.sh")
INIT = Path("/lib/systemd/systemd")
PATIENCE = 20.0
"""Seconds that anything on this machine may take."""

IDLE = (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-hwdb-update.service",
    "systemd-logind.service", "systemd-timesyncd.service", "systemd-networkd.service",
    "systemd-resolved.service", "systemd-pstore.service", "apparmor.service", "console-getty.service",
    "systemd-sysctl.service", "systemd-random-seed.service", "systemd-update-utmp.service",
)  # fmt: skip
"""Units of a whole machine that have nothing to do on this one."""

ENVIRONMENT = {
    "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C.UTF-8",
    "LD_LIBRARY_PATH": "/opt/python/lib",
}
"""Of programs on it; the interpreter lies in another place there than here."""

T = TypeVar("T")


class Machine:
    """Runs commands on it."""

    def __init__(self, init: int) -> None:
        self._inside = [
            need("nsenter"), f"--target={init}", "--mount", "--pid", "--cgroup", "--net", "--ipc",
            "--uts", f"--root=/proc/{init}/root", f"--wd=/proc/{init}/root", "--",
        ]  # fmt: skip

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command as root of that machine."""
        done = subprocess.run(
            [*self._inside, *command],
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env=ENVIRONMENT,
            start_new_session=True,  # no signal of theirs reaches us
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def shown(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.run("systemctl", "show", unit, f"--property={name}", "--value").stdout.strip()

    def until(self, ask: Callable[[], T], found: Callable[[T], bool]) -> T:
        """Ask until the answer is the one that is looked for, and return it."""
        end = time.monotonic() + PATIENCE
        while not found(answer := ask()):
            assert time.monotonic() < end, f"still {answer!r} after {PATIENCE:g} s"
            time.sleep(0.05)
        return answer


@contextmanager
def booted(folder: Path, etc: Path) -> Iterator[Machine]:
    """Boot message-gateway.service of `etc`, which is laid over an empty /etc."""
    group = _own_group()
    log = folder / "console"
    root = folder / "root"
    root.mkdir()
    for unit in IDLE:
        (etc / "systemd" / "system" / unit).symlink_to("/dev/null")
    script = [
        str(SCRIPT), str(root), str(PROJECT), sys.base_prefix, sysconfig.get_path("purelib"),
        str(etc), Path(sys.executable).resolve().name,
    ]  # fmt: skip
    enter = f'echo $$ > "{group}/cgroup.procs" && exec "$@"'
    unshare = [
        need("setpriv"), "--pdeathsig=KILL",
        need("unshare"), "--mount", "--pid", "--fork", "--ipc", "--uts", "--net", "--cgroup",
        "--kill-child=KILL", "--", "sh",
    ]  # fmt: skip
    with log.open("wb") as console:
        outside = subprocess.Popen(
            ["sh", "-c", enter, "sh", *unshare, *script],
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
        )
    try:
        machine = Machine(_init(outside, log))
        bus = ("test", "-S", "/run/systemd/private")
        machine.until(lambda: machine.run(*bus, check=False).returncode, lambda code: code == 0)
        yield machine
    finally:
        outside.kill()
        outside.wait(PATIENCE)
        _remove(group)


def _own_group() -> Path:
    """Make a control group for that machine.

    Where we may not, the test is skipped, also with REQUIRE_ALL: rights cannot be installed.
    """
    if os.geteuid() != 0:
        pytest.skip("a systemd of our own needs root")
    if not INIT.exists():
        lacking("systemd is not installed")
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = [Path(mount[1]) for mount in mounts if mount[2] == "cgroup2"]
    if not found:
        pytest.skip("there is no cgroup2 file system")
    group = found[0] / f"message-gateway-{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"no control group can be made: {error.strerror}")
    tried = [need("unshare"), "--mount", "--pid", "--fork", "--net", "--cgroup", "--", "mount"]
    done = subprocess.run(
        [*tried, "-t", "cgroup2", "none", str(group)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        _remove(group)
        pytest.skip(f"no namespaces can be made: {done.stderr.strip()}")
    return group


def _init(outside: subprocess.Popen[bytes], log: Path) -> int:
    """Return the process that is number 1 inside, once it is systemd."""
    children = Path(f"/proc/{outside.pid}/task/{outside.pid}/children")
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and outside.poll() is None:
        with suppress(OSError):
            for child in children.read_text().split():
                if Path(f"/proc/{child}/comm").read_text().strip() == "systemd":
                    return int(child)
        time.sleep(0.02)
    raise AssertionError(f"it did not boot: {log.read_text(errors='replace')}")


def _remove(group: Path) -> None:
    with suppress(OSError):
        (group / "cgroup.kill").write_text("1")
    end = time.monotonic() + PATIENCE
    while group.exists() and time.monotonic() < end:
        for below in sorted((p for p in group.rglob("*") if p.is_dir()), reverse=True):
            with suppress(OSError):
                below.rmdir()
        with suppress(OSError):
            group.rmdir()
        time.sleep(0.02)
