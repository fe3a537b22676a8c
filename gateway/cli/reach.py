"""How a command reaches the gateway: through the running daemon, else in this process.

The daemon is asked on its admin socket (`POST /op/NAME`).  If nobody listens there, this process
takes the lock of the database and runs the same operation itself.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from gateway.cli.group import Trouble
from gateway.config import GatewayConfig, load
from gateway.errors import ConfigError, StoreError
from gateway.lock import Locked, only_writer

if TYPE_CHECKING:
    from gateway.assembly import Parts

PATIENCE = 90.0
"""Seconds to wait for an answer; a withdrawal waits for what is in the air, at most 60."""

CREATES = frozenset({"send", "contacts_import", "proof_put", "link", "compliance"})
"""Operations that make sense before the gateway ever ran."""

NOT_RUNNING = 3

OWN_USER = "run this as the user who runs the gateway: sudo -u message-gateway gateway …"


class Refused(Trouble):
    """The gateway understood, and said no."""


class Session(Protocol):
    """A gateway that was reached."""

    config: GatewayConfig
    running: bool

    def call(self, operation: str, **arguments: Any) -> Any:
        """Run an operation.  Raises Refused with the gateway's sentence, or Trouble."""
        ...


@contextmanager
def opened(file: Path) -> Iterator[Session]:
    """Reach the gateway of a settings file.  Raises Trouble, or ConfigError."""
    config, problems = load(file)
    where = [
        problem for problem in problems.found if ": [store]" in problem or ": [server]" in problem
    ]
    if where:
        raise ConfigError(*where)
    remote = _Remote(config)
    if remote.listens():
        yield remote
        return
    check_owner(config.database)
    with ExitStack() as held:
        try:
            held.enter_context(only_writer(config.database))
        except Locked as error:
            raise Trouble(
                f"{error}",
                f"but nobody answers at {config.admin_socket}: it is starting, ending or stuck;"
                " try again, then see journalctl -u message-gateway",
                code=NOT_RUNNING,
            ) from error
        except StoreError as error:
            raise Trouble(f"{error}; {OWN_USER}", code=NOT_RUNNING) from error
        yield _Local(config)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("gateway", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = connected(self._path)


def connected(path: Path) -> socket.socket:
    """Connect; a path longer than the 107 bytes of a socket address is reached by its folder."""
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    one.settimeout(PATIENCE)
    try:
        if len(os.fsencode(path)) <= 107:
            one.connect(str(path))
            return one
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            one.connect(f"/proc/self/fd/{folder}/{path.name}")
        finally:
            os.close(folder)
    except BaseException:
        one.close()
        raise
    return one


class _Remote:
    """The daemon, on its admin socket."""

    running = True

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._path = config.admin_socket

    def listens(self) -> bool:
        """Whether somebody takes connections.  Raises Trouble if we may not ask."""
        try:
            connected(self._path).close()
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            return False
        except OSError as error:
            why = error.strerror or "nobody takes the connection"
            hint = f"; {OWN_USER}" if isinstance(error, PermissionError) else ""
            raise Trouble(f"{self._path}: {why}{hint}", code=NOT_RUNNING) from error
        return True

    def call(self, operation: str, **arguments: Any) -> Any:
        connection = _UnixConnection(self._path)
        try:
            connection.request(
                "POST",
                f"/op/{operation}",
                json.dumps(arguments).encode(),
                {"content-type": "application/json", "host": "localhost"},
            )
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            why = "no answer in time" if isinstance(error, TimeoutError) else "the answer broke off"
            raise Trouble(
                f"the gateway at {self._path}: {why}; whether it did {operation} is not known,"
                " look before you repeat it",
                code=NOT_RUNNING,
            ) from error
        finally:
            connection.close()
        return _result(response.status, body, operation)


def _result(status: int, body: bytes, operation: str) -> Any:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        if status == 200 and "result" in answer:
            return answer["result"]
        if status == 400 and isinstance(answer.get("error"), str):
            raise Refused(answer["error"])
        if status == 503 and isinstance(answer.get("error"), str):
            raise Trouble(f"the gateway cannot do it now: {answer['error']}")
    if status == 404:
        raise Refused(f"the running gateway knows no {operation!r}; it may be an older version")
    raise Trouble(
        f"the gateway answered {operation!r} with {status}; its log says why:"
        " journalctl -u message-gateway",
        code=NOT_RUNNING,
    )


class _Local:
    """No daemon runs: the same operations in this process, with the database's lock held."""

    running = False

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self._parts: Parts | None = None

    def call(self, operation: str, **arguments: Any) -> Any:
        import msgspec
        import trio

        from gateway.assembly import assemble
        from gateway.clock import SystemClock
        from gateway.discovery import discover
        from gateway.keys import Keys
        from gateway.operations import Operations
        from gateway.store.sqlite import SqliteStore

        if self._parts is None:
            self._parts = assemble(self.config.file, discover())
        parts = self._parts
        if operation not in CREATES and not self.config.database.exists():
            raise Trouble(
                f"the gateway is not running, and there is no database {self.config.database}:"
                " it never ran with these settings",
                code=NOT_RUNNING,
            )

        key = Keys(self.config.keys).secret("suppression")

        async def run() -> Any:
            reserve = self.config.storage.reserve
            async with SqliteStore(
                self.config.database, suppression_key=key, patience=self.config.delivery.patience,
                reserve=reserve,
            ) as store:  # fmt: skip
                try:
                    found = await Operations(parts, store, SystemClock()).call(operation, arguments)
                    return json.loads(msgspec.json.encode(found))  # as a running one answers
                except ConfigError as error:
                    raise Refused(*error.problems) from error

        return trio.run(run)


def listening(config: GatewayConfig) -> bool:
    """Whether a daemon runs with these settings.  Raises Trouble if we may not ask."""
    return _Remote(config).listens()


def check_owner(database: Path) -> None:
    """Without a daemon, root must not leave files that the gateway's own user cannot open."""
    if os.geteuid() != 0:
        return
    for path in (database, database.parent):
        try:
            owner = path.stat().st_uid
        except OSError:
            continue
        if owner == 0:
            return
        import pwd

        try:
            instead = f"run sudo -u {pwd.getpwuid(owner).pw_name} gateway …"
        except KeyError:  # systemd makes such a user when the unit starts (DynamicUser=)
            instead = "take gateway_offline of docs/operations.md, under Commands"
        raise Trouble(
            "the gateway does not run; see why: systemctl status message-gateway",
            f"without it, root is refused: files of root beside {path} would keep it from"
            f" starting; {instead}",
            code=NOT_RUNNING,
        )
