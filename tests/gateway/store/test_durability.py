"""What a verb returned is on disk, also when the process dies at the next moment."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path

import apsw

from gateway.store.sqlite import SqliteStore

ROUNDS = 10
SEED = 20_260_101

CHILD = """
import sys
from pathlib import Path
import trio
from gateway.message import Basis
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House

def told(*words):
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
    sys.stdout.flush()

async def main(path, turn):
    async with SqliteStore(path) as store:
        await store.recover(at=1)
        house = House(store)
        house.now += turn * 10_000_000
        await house.confirmed(30)
        told("ready")

        async def work(kind):
            while True:
                if kind == "accept":
                    message = await house.accepted()
                    told("accepted", message.id)
                    continue
                message = await house.started()
                told("started", message.id)
                for delivery in await house.lease(limit=4):
                    basis = Basis(kind="consent", event=delivery.permissions.consent)
                    delivery = delivery.replace(basis=basis)
                    assert await house.begin(delivery) is None
                    told("begun", delivery.id)
                    await house.settle(delivery)
                    told("settled", delivery.id)

        async with trio.open_nursery() as nursery:
            for kind in ("accept", "send", "send"):
                nursery.start_soon(work, kind)

trio.run(main, Path(sys.argv[1]), int(sys.argv[2]))
"""


def run_until_killed(path: Path, turn: int, seconds: float) -> list[tuple[str, int]]:
    """Start the child, kill it some time after it is ready, return what it told."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(path), str(turn)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout:
        assert child.stdout.readline() == "ready\n"
        timer = threading.Timer(seconds, child.send_signal, [signal.SIGKILL])
        timer.start()
        lines = child.stdout.read().splitlines(keepends=True)
        timer.join()
    assert child.wait() == -signal.SIGKILL
    words = [line.split() for line in lines if line.endswith("\n")]
    return [(what, int(id)) for what, id in words]


def ids(connection: apsw.Connection, sql: str) -> set[int]:
    return {int(str(row[0])) for row in connection.execute(sql)}


async def test_killed_at_any_moment(tmp_path: Path) -> None:
    """All that was told before SIGKILL is there afterwards, and the file is whole."""
    path = tmp_path / "store.db"
    chance = random.Random(SEED)
    told: dict[str, set[int]] = defaultdict(set)
    for turn in range(ROUNDS):
        for what, id in run_until_killed(path, turn, chance.uniform(0.01, 0.15)):
            told[what].add(id)
        connection = apsw.Connection(str(path))
        assert connection.pragma("integrity_check") == "ok"
        messages = ids(connection, "SELECT id FROM messages")
        assert told["accepted"] | told["started"] <= messages
        assert told["started"] <= ids(connection, "SELECT id FROM messages WHERE state = 'started'")
        assert told["begun"] <= ids(connection, "SELECT delivery_id FROM attempts")
        settled = "SELECT delivery_id FROM attempts WHERE state = 2 AND settled_at > 1"
        assert told["settled"] <= ids(connection, settled)
        kept = set(connection.execute("SELECT message_id, state, n FROM depths WHERE n <> 0"))
        counted = "SELECT message_id, state, count(*) FROM deliveries GROUP BY 1, 2"
        assert kept == set(connection.execute(counted))
        connection.close()
    assert min(len(told[what]) for what in ("accepted", "started", "begun", "settled")) > 10
    async with SqliteStore(path) as store:
        await store.recover(at=1)
        assert not [key for key in await store.depths() if key[2] in ("leased", "sending")]
