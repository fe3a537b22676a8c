"""Talk to systemd: readiness, status, watchdog, sockets that it hands over.

Everything here does nothing where there is no systemd.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger("gateway.systemd")

FIRST_FD = 3


class Notifier:
    """Tells systemd how the daemon is.  Never raises, never blocks.

    `watchdog_seconds`: how often `watchdog` is expected (call it twice as often), or None.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            address = ""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.watchdog_seconds = _watchdog_seconds(environ) if address else None

    def ready(self, status: str = "") -> None:
        """Started, or reloaded: all listeners are open."""
        self._send("READY=1", _status(status))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(_status(text))

    def watchdog(self) -> None:
        """Still alive."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """About to end."""
        self._send("STOPPING=1")

    def reloading(self) -> None:
        """Reads its settings anew; call `ready` when that is done."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def _send(self, *lines: str) -> None:
        data = "\n".join(filter(None, lines)).encode()
        if not self._address or not data:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as one:
                one.sendto(data, self._address)
        except OSError as error:
            log.warning("systemd was not reached: %s", error.strerror)


def handed_over(environ: Mapping[str, str] = os.environ) -> dict[str, list[int]]:
    """The sockets that systemd opened for this process: name (FileDescriptorName=) → numbers."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return {}
    count = int(environ.get("LISTEN_FDS", "0") or 0)
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    found: dict[str, list[int]] = {}
    for index in range(count):
        name = names[index] if index < len(names) and names[index] else "unknown"
        found.setdefault(name, []).append(FIRST_FD + index)
    return found


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}" if text else ""


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environ.get("WATCHDOG_USEC", "")
    return int(microseconds) / 1e6 if microseconds.isdigit() and int(microseconds) else None
