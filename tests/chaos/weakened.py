"""The daemon of a campaign: it ends with it, and may lack a guard, the proof that chaos would see it.

python -m tests.chaos.weakened whole|GUARD --config FILE run
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any


def intent() -> None:
    """The intent is stored with the outcome, after the request went out."""
    from gateway.store.protocol import Intent, Refusal, Settlement
    from gateway.store.sqlite.engine import SqliteStore

    begin, settle = SqliteStore.begin, SqliteStore.settle
    sent: dict[int, tuple[Intent, str]] = {}

    async def begins(
        self: SqliteStore, intents: Sequence[Intent], node: str
    ) -> list[Refusal | None]:
        sent.update({intent.delivery.id: (intent, node) for intent in intents})
        return [None] * len(intents)

    async def settles(self: SqliteStore, settlements: Sequence[Settlement]) -> None:
        for settlement in settlements:
            if settlement.delivery in sent:
                intent, node = sent.pop(settlement.delivery)
                await begin(self, [intent], node)
        await settle(self, settlements)

    SqliteStore.begin, SqliteStore.settle = begins, settles  # type: ignore[method-assign]


def conditions() -> None:
    """Begin stores the intent, whatever became of delivery, message and consent meanwhile."""
    from gateway.store.sqlite import beginning

    begin = beginning.begin_all
    beginning._refusal = lambda tx, look, intent: None

    def whatever(tx: Any, asked: Any) -> Any:
        for intents, node in asked:
            for intent in intents:
                id, n = intent.delivery.id, intent.delivery.attempt
                row = tx.one("SELECT message_id, state FROM deliveries WHERE id = ?", (id,))
                if row is not None and row[1] != 1:
                    tx.execute("UPDATE deliveries SET state = 1 WHERE id = ?", (id,))
                    tx.move(row[0], row[1], 1)
                change = "UPDATE deliveries SET node = ?, tries = ? WHERE id = ?"
                tx.execute(change, (node, n - 1, id))
        return begin(tx, asked)

    beginning.begin_all = whatever


def in_flight() -> None:
    """A person may have any number of deliveries in the air, one more with each lease."""
    from gateway.store.sqlite import leasing

    start, end = leasing.LEASE.index("AND NOT EXISTS"), leasing.LEASE.rindex("ORDER BY")
    leasing.LEASE = leasing.LEASE[:start] + leasing.LEASE[end:]
    leasing.TAKE = leasing.TAKE.replace("INSERT", "INSERT OR REPLACE")


def replay() -> None:
    """After a restore, what the replay file holds is not done again."""
    from gateway.store.sqlite import replaying

    replaying._again = lambda *arguments: None


GUARDS: dict[str, Callable[[], None]] = {
    guard.__name__: guard for guard in (intent, conditions, in_flight, replay)
}

WHOLE = "whole"
"""Stands for no guard."""
_PR_SET_PDEATHSIG = 1


def leash() -> None:
    """Have the system end this process with whoever started it: it would go on sending, to
    whoever gets the port of its sandbox next."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    leash()
    if sys.argv[1] != WHOLE:
        GUARDS[sys.argv[1]]()
    sys.argv = ["gateway", *sys.argv[2:]]
    from gateway.cli import main

    main()
