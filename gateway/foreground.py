"""The gateway as a process: settings, lock, store, signals, exit status."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import socket
import sys
from functools import partial
from pathlib import Path

import trio
from prometheus_client import CollectorRegistry

from gateway import logs
from gateway.assembly import assemble
from gateway.clock import SystemClock
from gateway.daemon import Daemon
from gateway.discovery import Catalogue, discover
from gateway.errors import ConfigError, StoreError
from gateway.figures import watch
from gateway.keys import Keys
from gateway.living import Living
from gateway.lock import Locked, only_writer
from gateway.metrics import Metrics
from gateway.store.sqlite import SqliteStore
from gateway.time_watch import TimeWatch

SWITCH_INTERVAL = 0.0005
"""Seconds.  The store's thread and the event loop share the interpreter; the default of 5 ms
would make each wait that long for the other."""

FILES = 8192
"""Open files that three listeners and their database may need; as in the unit."""


async def serve_gateway(
    file: Path,
    *,
    catalogue: Catalogue | None = None,
    signals: bool = True,
    task_status: trio.TaskStatus[Daemon] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Run the gateway of a settings file until SIGTERM, SIGINT or `daemon.stop`.

    Raises ConfigError (all problems), Locked or StoreError if it cannot start.
    """
    parts = assemble(file, catalogue or discover())
    if signals:  # a process of its own: its log is ours too
        logging.getLogger().setLevel(parts.config.service.log_level.upper())
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    node = f"{socket.gethostname()}:{os.getpid()}"

    def observe_commit(seconds: float, jobs: int, ok: bool) -> None:
        metrics.store_commit.observe(seconds)
        metrics.store_jobs.labels("done" if ok else "failed").inc(jobs)

    with only_writer(parts.config.database):
        key = Keys(parts.config.keys).secret("suppression")
        async with SqliteStore(
            parts.config.database,
            observe_commit,
            suppression_key=key,
            patience=parts.config.delivery.patience,
            reserve=parts.config.storage.reserve,
        ) as store:
            watch(metrics, store.waiting, parts.config.database, lambda: store.space.held)
            clock = SystemClock()
            daemon = Daemon(parts, store, clock, metrics, node)
            time_watch = TimeWatch(store, clock, metrics, parts.config.storage.gap)
            await time_watch.begin()
            living = Living(store, clock, parts.config.storage, metrics)
            await living.begin()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(time_watch.run)
                nursery.start_soon(living.run)
                if signals:
                    nursery.start_soon(_stop_on_signal, daemon.stop)
                await daemon.run(task_status)
                nursery.cancel_scope.cancel()
            await living.end()


async def _stop_on_signal(stop: trio.Event) -> None:
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as received:
        async for _ in received:
            stop.set()


def main(file: Path) -> int:
    """Run in the foreground; returns the exit status.  2: cannot start, with every reason."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    logs.set_up()
    gc.freeze()
    _raise_file_limit()
    status = 0
    try:
        trio.run(partial(serve_gateway, file))
    except* ConfigError as group:
        for problem in _problems(group):
            print(problem, file=sys.stderr)  # noqa: T201 - for the person who started it
        status = 2
    except* (Locked, StoreError) as group:
        print(group.exceptions[0], file=sys.stderr)  # noqa: T201
        status = 2
    return status


def _raise_file_limit() -> None:
    """Every connection is an open file, and a shell's soft limit of 1024 is soon reached."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _problems(group: BaseExceptionGroup[ConfigError]) -> list[str]:
    found: list[str] = []
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            found.extend(_problems(error))
        else:
            found.extend(error.problems)
    return found
