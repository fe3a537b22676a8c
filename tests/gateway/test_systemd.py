"""What systemd hears, by a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.systemd import Notifier, handed_over


@pytest.fixture(params=["path", "abstract"])
def heard(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        name = str(tmp_path / "notify") if request.param == "path" else f"@gateway-{os.getpid()}"
        listening.bind(name.replace("@", "\0", 1) if name[0] == "@" else name)
        listening.settimeout(2)
        yield name, listening


def test_what_systemd_hears(heard: tuple[str, socket.socket]) -> None:
    name, listening = heard
    notifier = Notifier({"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "3000000"})
    assert notifier.watchdog_seconds == 3.0
    notifier.ready("2 inputs,\n3 senders")
    notifier.ready()
    notifier.status("sending 4/s")
    notifier.watchdog()
    notifier.stopping()
    expected = [
        b"READY=1\nSTATUS=2 inputs, 3 senders", b"READY=1", b"STATUS=sending 4/s",
        b"WATCHDOG=1", b"STOPPING=1",
    ]  # fmt: skip
    assert [listening.recv(999) for _ in expected] == expected
    before = time.monotonic_ns() // 1000
    notifier.reloading()
    reloading, _, stamp = listening.recv(999).partition(b"\nMONOTONIC_USEC=")
    assert reloading == b"RELOADING=1"
    assert before <= int(stamp) <= time.monotonic_ns() // 1000


@pytest.mark.parametrize("address", ["", "vsock:2:1", "nonsense"])
def test_elsewhere_nothing_happens(address: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "3000000"})
    assert notifier.watchdog_seconds is None
    notifier.ready("x")
    notifier.watchdog()
    assert caplog.records == []


def test_a_dead_or_full_socket_harms_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "full"))
        notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "full")})
        start = time.monotonic()
        for _ in range(2000):
            notifier.watchdog()
        assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({"WATCHDOG_USEC": "500000"}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "x"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_interval(environ: dict[str, str], seconds: float | None) -> None:
    assert Notifier({"NOTIFY_SOCKET": "/x", **environ}).watchdog_seconds == seconds


@pytest.mark.parametrize(
    ("count", "names", "found"),
    [
        ("3", "http:admin:http", {"http": [3, 5], "admin": [4]}),
        ("2", "http", {"http": [3], "unknown": [4]}),
        ("1", "", {"unknown": [3]}),
        ("0", "", {}),
        ("", "", {}),
    ],
)
def test_handed_over(count: str, names: str, found: dict[str, list[int]]) -> None:
    environ = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": count, "LISTEN_FDNAMES": names}
    assert handed_over(environ) == found
    assert handed_over({**environ, "LISTEN_PID": "1"}) == {}
    assert handed_over({}) == {}
