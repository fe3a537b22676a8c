"""The engine's verbs about itself: marks, damages, the replay file."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import trio

from gateway.errors import StoreError
from gateway.replay import Replay, replay_folder
from gateway.store import copying
from gateway.store.condition import Work
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.sqlite.replaying import ANY_BEFORE, MARK, MARKS
from gateway.store.writer import Lane

UNMARK = "DELETE FROM marks WHERE name = ?"
FORGET_BEFORE = """
DELETE FROM delivered_before WHERE (message, contact) IN
  (SELECT message, contact FROM delivered_before WHERE at < ? LIMIT 500)
"""


class MarkVerbs(Plumbing):
    """Implements gateway.store.marks.MarkStore."""

    async def marks(self) -> dict[str, int]:
        return await self._read(lambda tx: {name: int(value) for name, value in tx.rows(MARKS)})

    async def mark(self, values: Mapping[str, int | None]) -> None:
        def job(tx: SqliteTransaction) -> None:
            for name, value in values.items():
                if value is None:
                    tx.execute(UNMARK, (name,))
                else:
                    tx.execute(MARK, (name, value))

        await self._write(Lane.ACCEPT, job, work=Work.ENDS)

    async def damages(self) -> list[str]:
        """In a process of its own, which gives way to all others: a thread that does so would keep
        the interpreter's lock from those who send."""
        command = [sys.executable, "-m", copying.__name__, str(self.path)]
        try:
            done = await trio.run_process(
                command, capture_stdout=True, capture_stderr=True, check=False
            )
        except OSError as error:  # no memory, no process
            raise StoreError(f"cannot begin to read the database: {error.strerror}") from error
        if done.returncode != 0:
            why = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise StoreError(f"cannot read the database: {why[:200]}")
        return done.stdout.decode(errors="replace").splitlines()

    async def forget_replay(self, *, before: int) -> None:
        if self._suppression is None:
            return
        file = Replay(replay_folder(self.path), self._suppression)
        try:
            await trio.to_thread.run_sync(file.forget, before)
        except OSError as error:
            raise StoreError(f"cannot delete in {file.folder}: {error.strerror}") from error
        while await self._write(Lane.BULK, lambda tx: _forget(tx, before)):
            pass


def _forget(tx: SqliteTransaction, before: int) -> bool:
    """Let go some of what was sent before a restore; whether there was any."""
    tx.execute(FORGET_BEFORE, (before,))
    gone = tx.changed() > 0
    tx.sent_before = tx.one(ANY_BEFORE) is not None
    return gone
