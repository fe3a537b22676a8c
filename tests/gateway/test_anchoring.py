"""The ledger's head is signed, kept outside, and tried again; a broken ledger is not signed."""

from __future__ import annotations

import email
import email.policy
import logging
import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import apsw
import pytest
import trio
from prometheus_client import CollectorRegistry
from trio.testing import MockClock

from gateway.anchoring import AGAIN, Anchoring, LedgerBroken
from gateway.config import GatewayConfig, load
from gateway.errors import ConfigError, MailError
from gateway.heads import KeyRing, read_token, tokens_in
from gateway.ledger import Checkpoint, check
from gateway.metrics import Metrics
from gateway.services import Http
from gateway.stamping import read_roots, read_stamp
from gateway.store.protocol import moment
from gateway.store.sqlite import SqliteStore, ledgering
from gateway.store.sqlite.connection import SqliteTransaction, open_reader
from gateway.texts import TextFiles
from tests.gateway.stampers import Answers, Stamper
from tests.gateway.story import BEGAN, Story

DAY = 86_400_000_000
SETTINGS = """
chain = ["consent"]
[company]
name = "Beispiel GmbH"
mail = "redaktion@blog.example"
[senders.main]
output = "whatsapp"
[store]
path = "store.db"
"""
NOWHERE = Answers(None)


class Clock:
    """Stands still unless it is told to move."""

    def __init__(self) -> None:
        self.at = BEGAN + DAY

    def now(self):  # type: ignore[no-untyped-def]
        return moment(self.at)

    def micros(self) -> int:
        return self.at


class RunningClock(Clock):
    """Goes with trio's."""

    def micros(self) -> int:
        return self.at + round(trio.current_time() * 1e6)


@dataclass
class Ledger:
    folder: Path
    story: Story
    clock: Clock = field(default_factory=Clock)

    def anchoring(self, settings: str = "", clock: Clock | None = None) -> Anchoring:
        return Anchoring(
            self.config(settings),
            self.story.store,
            clock or self.clock,
            TextFiles("de"),  # type: ignore[arg-type]
        )

    def config(self, settings: str) -> GatewayConfig:
        file = self.folder / "gateway.toml"
        file.write_text(SETTINGS + settings, encoding="utf-8")
        config, problems = load(file)
        assert problems.found == []
        return config

    def sql(self, statement: str) -> None:
        connection = apsw.Connection(str(self.folder / "store.db"))
        connection.execute(statement)
        connection.close()

    def sound(self) -> int:
        """Check everything that is kept; returns how many heads fit."""
        reader = open_reader(self.folder / "store.db")
        tx = SqliteTransaction(reader)
        heads = [Checkpoint(kept.signed, "kept") for kept in ledgering.heads(tx)]
        found = check(ledgering.entries(tx), KeyRing(ledgering.keys(tx)), heads)
        reader.close()
        assert found.findings == []
        return found.heads


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    async with SqliteStore(tmp_path / "store.db") as store:
        story = Story(store)
        story.now = BEGAN
        yield Ledger(tmp_path, story)


# --- signing ------------------------------------------------------------------------------------
async def test_an_empty_ledger_is_not_signed(ledger: Ledger) -> None:
    assert await ledger.anchoring().sign() is None
    assert await ledger.story.store.heads(limit=1) == []


async def test_heads_go_on_from_each_other(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    """Signed when the ledger moved or a day has passed, each from the frontier of the last; the
    log holds the whole head, and nobody's number."""
    caplog.set_level(logging.INFO)
    anchoring, story = ledger.anchoring(), ledger.story
    await story.from_form()
    first = await anchoring.sign()
    assert first is not None
    assert first.signed.head.number == 3
    assert await anchoring.sign() == first, "nothing moved"
    for n in (20, 620):
        await story.confirmed(600, first=n)
        await anchoring.sign()
    ledger.clock.at += DAY
    assert await anchoring.sign() != first
    await anchoring.sign(again=True)
    assert ledger.sound() == 5
    told = tokens_in(caplog.text)
    assert [head.head.number for head in filter(None, map(read_token, told))] == [
        3, 603, 1203, 1203, 1203,
    ]  # fmt: skip
    assert "+4915" not in caplog.text


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE consent_events SET source = 'farm' WHERE number = 5",
        "DELETE FROM consent_events WHERE number = 5",
        "DELETE FROM consent_events WHERE number = 3",
        "DELETE FROM consent_events WHERE number >= 3",
        "UPDATE consent_events SET hash = randomblob(32) WHERE number = 3",
        "UPDATE consent_events SET format = 9 WHERE number = 5",
        "UPDATE ledger_heads SET peaks = x'00'",
        "UPDATE ledger_heads SET peaks = zeroblob(64)",
        'UPDATE ledger_heads SET statement = replace(statement, \'"hash":"\', \'"hash":"xyz\')',
    ],
)
async def test_a_broken_ledger_is_not_signed(ledger: Ledger, damage: str) -> None:
    """What came since the last head has to fit it, and itself."""
    anchoring, story = ledger.anchoring(), ledger.story
    await story.from_form()
    assert await anchoring.sign()
    await story.confirmed(3, first=20)
    ledger.sql(damage)
    with pytest.raises(LedgerBroken, match="gateway consent verify"):
        await anchoring.sign()
    assert len(await story.store.heads(limit=9)) == 1


async def test_a_key_is_rotated(ledger: Ledger) -> None:
    """The old one vouches; both are needed to check what both signed."""
    anchoring = ledger.anchoring()
    await ledger.story.confirmed(1)
    await anchoring.sign()
    before, now = await anchoring.rotate()
    ledger.clock.at += DAY
    kept = await anchoring.sign()
    assert kept is not None
    assert kept.signed.head.key == now != before
    assert ledger.sound() == 2
    with pytest.raises(ConfigError, match="without --lost"):
        await anchoring.rotate(lost=True)


async def test_a_lost_key(ledger: Ledger) -> None:
    """Nothing is signed until somebody says so; then the break is told."""
    anchoring = ledger.anchoring()
    await ledger.story.confirmed(1)
    await anchoring.sign()
    shutil.rmtree(ledger.folder / "keys")
    for act in (partial(anchoring.sign, again=True), anchoring.rotate):
        with pytest.raises(ConfigError, match="is gone"):
            await act()
    await anchoring.rotate(lost=True)
    assert await anchoring.sign(again=True)
    ring = KeyRing(await ledger.story.store.ledger_keys())
    assert any("has no link" in problem for problem in ring.problems)


# --- mail ---------------------------------------------------------------------------------------
class Postman:
    """An SMTP server that takes what it gets, or says no."""

    def __init__(self, answer: str = "250 ok") -> None:
        self.answer = answer
        self.mails: list[bytes] = []

    async def __call__(self, stream: trio.SocketStream) -> None:
        async def say(line: str) -> None:
            await stream.send_all(f"{line}\r\n".encode())

        await say("220 mail.example")
        received, data = b"", False
        async for chunk in stream:
            received += chunk
            while data or b"\r\n" in received:
                if data:
                    if b"\r\n.\r\n" not in received:
                        break
                    mail, _, received = received.partition(b"\r\n.\r\n")
                    self.mails.append(mail)
                    data = False
                    await say(self.answer)
                    continue
                line, _, received = received.partition(b"\r\n")
                data = line.upper() == b"DATA"
                if line.upper() == b"QUIT":
                    await say("221 bye")
                    return
                await say("354 go on" if data else "250 ok")


@pytest.fixture
async def postman() -> AsyncIterator[tuple[Postman, str]]:
    """The server, and settings that lead to it."""
    postman = Postman()
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, postman, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        yield (
            postman,
            (
                f'[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"\n'
                '[proof]\nofficer = "datenschutz@blog.example"\n'
            ),
        )
        nursery.cancel_scope.cancel()


async def test_a_head_is_mailed(ledger: Ledger, postman: tuple[Postman, str]) -> None:
    """Once; the mail holds the whole head, twice, and nobody's number."""
    server, settings = postman
    anchoring = ledger.anchoring(settings)
    await ledger.story.from_form()
    kept = await anchoring.sign()
    assert kept is not None
    assert await anchoring.keep_outside(NOWHERE, kept) == {"log": "", "mail": ""}
    (raw,) = server.mails
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert mail["To"] == "datenschutz@blog.example"
    assert mail["Subject"] == "Beispiel GmbH: Einwilligungen, signierter Stand nach 3 Ereignissen"
    assert mail["Message-ID"] == f"<ledger-3-{kept.signed.head.at}@blog.example>"
    assert tokens_in(raw.decode()) == [kept.signed.token]
    (attached,) = mail.iter_attachments()
    assert attached.get_content().strip() == kept.signed.token
    assert "4915" not in raw.decode()
    (again,) = await ledger.story.store.heads(limit=1)
    assert again.mailed_at
    assert await anchoring.keep_outside(NOWHERE, again) == {"log": "", "mail": ""}
    assert len(server.mails) == 1


async def test_a_mail_that_is_refused(ledger: Ledger, postman: tuple[Postman, str]) -> None:
    """It says why, and the head waits."""
    server, settings = postman
    server.answer = "451 later"
    anchoring = ledger.anchoring(settings)
    await ledger.story.from_form()
    kept = await anchoring.sign()
    assert kept is not None
    assert "refuses the mail (451)" in (await anchoring.keep_outside(NOWHERE, kept))["mail"]
    (again,) = await ledger.story.store.heads(limit=1)
    assert again.mailed_at is None


# --- time stamps --------------------------------------------------------------------------------
STAMPED = '[proof]\ntimestamp_url = "https://stamps.example/tsr"\n'


async def test_a_head_is_stamped(ledger: Ledger) -> None:
    stamper = Stamper(ledger.folder / "stamps")
    anchoring = ledger.anchoring(STAMPED + 'timestamp_ca = "stamps/root.pem"\n')
    await ledger.story.from_form()
    kept = await anchoring.sign()
    assert kept is not None
    assert await anchoring.keep_outside(stamper, kept) == {"log": "", "timestamp": ""}
    (again,) = await ledger.story.store.heads(limit=1)
    assert again.stamp is not None
    roots = read_roots(stamper.root.read_bytes())
    assert read_stamp(again.stamp, kept.signed.token.encode(), roots).trusted
    assert await anchoring.keep_outside(NOWHERE, again) == {"log": "", "timestamp": ""}


@pytest.mark.parametrize(
    ("http", "ca", "why"),
    [
        (NOWHERE, "", "does not answer"),
        (Answers(200, b"<html>"), "", "is no time stamp"),
        (NOWHERE, "none.pem", "timestamp_ca: .*No such file"),
        (NOWHERE, "store.db", "timestamp_ca: .*holds no certificates"),
    ],
)
async def test_a_stamp_that_fails(ledger: Ledger, http: Http, ca: str, why: str) -> None:
    """It says why, and nothing of it is kept."""
    anchoring = ledger.anchoring(f'{STAMPED}timestamp_ca = "{ca}"\n')
    await ledger.story.from_form()
    kept = await anchoring.sign()
    assert kept is not None
    done = await anchoring.keep_outside(http, kept)
    assert re.search(why, done["timestamp"])
    (again,) = await ledger.story.store.heads(limit=1)
    assert again.stamp is None


# --- every day ----------------------------------------------------------------------------------
@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When mails were handed over; those before `mails[0]`, the first entry, failed."""
    sent: list[float] = [0.0]

    async def send(mail: object, message: object) -> None:
        if trio.current_time() < sent[0]:
            raise MailError("the mail server cannot be reached", passing=True)
        sent.append(trio.current_time())

    monkeypatch.setattr("gateway.anchoring.send_mail", send)
    return sent


def gauge(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"gateway_{name}", labels)


MAILED = (
    '[mail]\nhost = "mail.example"\n[proof]\nofficer = "datenschutz@blog.example"\nevery = "1d"\n'
)


async def test_every_day_a_head_goes_out(
    ledger: Ledger, mails: list[float], autojump_clock: MockClock
) -> None:
    """Also if nothing moved: it says that it is still the same."""
    autojump_clock.autojump_threshold = 0.1  # the store's thread is no sleep
    await ledger.story.from_form()
    registry = CollectorRegistry()
    anchoring = ledger.anchoring(MAILED, RunningClock())
    with trio.move_on_after(3.5 * 86_400):
        await anchoring.run(NOWHERE, Metrics(registry))
    assert len(mails) - 1 == 4
    assert mails[2] - mails[1] == pytest.approx(86_400, abs=2)
    assert gauge(registry, "ledger_broken") == 0
    late = RunningClock().micros() / 1e6 - (
        gauge(registry, "ledger_anchor_due_timestamp_seconds", anchor="mail") or 0
    )
    assert late < 0


async def test_a_failed_anchor_is_tried_again_and_shown(
    ledger: Ledger, mails: list[float], autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The same head, every quarter of an hour; the metric says since when it is due, the log says
    it once, and when it is over."""
    autojump_clock.autojump_threshold = 0.1
    caplog.set_level(logging.INFO)
    mails[0] = 7 * 3600.0
    await ledger.story.from_form()
    registry = CollectorRegistry()
    clock = RunningClock()
    anchoring = ledger.anchoring(MAILED, clock)

    def late() -> float:
        due = gauge(registry, "ledger_anchor_due_timestamp_seconds", anchor="mail")
        assert due is not None
        return clock.micros() / 1e6 - due

    async with trio.open_nursery() as nursery:
        nursery.start_soon(anchoring.run, NOWHERE, Metrics(registry))
        await trio.sleep(6.5 * 3600)
        assert len(mails) == 1
        assert late() == pytest.approx(6.5 * 3600, abs=5)
        assert caplog.text.count("cannot be reached") == 1
        await trio.sleep(3600)
        assert len(mails) == 2
        assert mails[1] - mails[0] < AGAIN
        assert late() < 0
        assert "kept outside again" in caplog.text
        nursery.cancel_scope.cancel()
    assert len(await ledger.story.store.heads(limit=9)) == 1


async def test_a_broken_ledger_is_shown(
    ledger: Ledger, autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    """And the worker goes on, so that the alert ends when somebody put back a backup."""
    autojump_clock.autojump_threshold = 0.1
    await ledger.story.from_form()
    ledger.sql("UPDATE consent_events SET source = 'farm' WHERE number = 2")
    registry = CollectorRegistry()
    async with trio.open_nursery() as nursery:
        anchoring = ledger.anchoring("", RunningClock())
        nursery.start_soon(anchoring.run, NOWHERE, Metrics(registry))
        await trio.sleep(2 * AGAIN)
        assert gauge(registry, "ledger_broken") == 1
        assert caplog.text.count("gateway consent verify") == 1
        ledger.sql("UPDATE consent_events SET source = 'question by wa' WHERE number = 2")
        await trio.sleep(2 * AGAIN)
        assert gauge(registry, "ledger_broken") == 0
        nursery.cancel_scope.cancel()
