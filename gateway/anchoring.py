"""Signs the head of the consent ledger and keeps it outside: in the log, with the data protection
officer by mail, with a time-stamping service.  What did not work is tried again.

Only what fits is signed: the rows since the last head are checked on the way.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import trio
from cryptography.x509 import Certificate

from gateway.clock import SystemClock
from gateway.config import GatewayConfig
from gateway.consent_chain import BEGINNING, Row, row_digest
from gateway.errors import ConfigError, GatewayError, MailError, StoreError
from gateway.heads import Head, SignedHead
from gateway.keys import Keys
from gateway.mailing import letter, send_mail
from gateway.merkle import Frontier
from gateway.metrics import Metrics
from gateway.services import Http
from gateway.signing import Signer, following, introduced, signer_of
from gateway.stamping import StampError, read_roots, stamp
from gateway.store.ledger import KeptHead
from gateway.store.protocol import Store
from gateway.texts import TextFiles

log = logging.getLogger("gateway.ledger")

AGAIN = 900.0
"""Seconds until what failed is tried again, and until an empty ledger is looked at again."""

CHUNK = 500
"""Rows that are read and checked at a time: under 3 ms."""

NAMED = 200
"""Characters of the company's name in a head."""


class LedgerBroken(GatewayError):
    """The ledger is not what it was when its last head was signed; nothing more is signed."""


class Anchoring:
    """Signs and keeps; one at a time."""

    def __init__(
        self, config: GatewayConfig, store: Store, clock: SystemClock, texts: TextFiles
    ) -> None:
        self._config = config
        self._store = store
        self._clock = clock
        self._texts = texts
        self._keys = Keys(config.keys)
        self._one = trio.Lock()
        self._told = ""

    # --- signing --------------------------------------------------------------------------------
    async def signer(self) -> Signer:
        """Return the key in use; the first one is made and kept.  Raises ConfigError."""
        known = await self._store.ledger_keys()
        signer = signer_of(self._keys, known)
        if not known:
            await self._store.keep_key(introduced(signer, self._clock.micros()))
        return signer

    async def sign(self, *, again: bool = False) -> KeptHead | None:
        """Sign the head if it moved or a day has passed, `again` in any case.

        Returns the newest head, None while nothing was ever agreed.  Raises LedgerBroken, and
        ConfigError if the key is gone.
        """
        async with self._one:
            last = next(iter(await self._store.heads(limit=1)), None)
            tree, digest = await self._grown(last)
            if not tree.size:
                return None
            signer = await self.signer()
            now = self._clock.micros()
            said = last.signed.head if last else None
            if (
                said
                and not again
                and said.number == tree.size
                and self._day(said.at) == self._day(now)
            ):
                return last
            head = Head(
                company=self._config.company.name[:NAMED],
                number=tree.size,
                hash=digest.hex(),
                root=tree.root().hex(),
                at=max(now, said.at + 1 if said else 0),
                key=signer.id,
            )
            kept = KeptHead(signed=signer.sign_head(head), peaks=tree.peaks)
            await self._store.keep_head(kept)
        log.info(
            "consent ledger: head of %d events, hash %s, signed: %s",
            head.number, head.hash, kept.signed.token,
        )  # fmt: skip
        return kept

    async def _grown(self, last: KeptHead | None) -> tuple[Frontier, bytes]:
        """Check what came since the last head; returns the tree, and the last event's hash."""
        tree, before = Frontier(), BEGINNING
        if last is not None:
            tree, before = _resumed(last)
            signed = await self._store.ledger_rows(after=tree.size - 1, limit=1)
            if [(row.number, row.hash) for row in signed] != [(tree.size, before)]:
                raise _broken(tree.size)
        while rows := await self._store.ledger_rows(after=tree.size, limit=CHUNK):
            for row in rows:
                if row.number != tree.size + 1 or row.previous != before or not _fits(row):
                    raise _broken(tree.size + 1)
                tree.add(row.hash)
                before = row.hash
        return tree, before

    async def rotate(self, *, lost: bool = False) -> tuple[str | None, str]:
        """Take a new key into use, vouched for by the old one; with `lost` by none, if that is
        gone.  Returns the ids of both.  Raises ConfigError."""
        async with self._one:
            known = await self._store.ledger_keys()
            before: Signer | None = None
            try:
                before = signer_of(self._keys, known) if known else await self.signer()
                known = await self._store.ledger_keys()
            except ConfigError:
                if not lost:
                    raise
            if before is not None and lost:
                raise ConfigError("the key in use is there; rotate it without --lost")
            signer = following(self._keys, known)
            since = max(self._clock.micros(), known[-1].since + 1)
            await self._store.keep_key(introduced(signer, since, before))
            return known[-1].id, signer.id

    # --- keeping it outside ---------------------------------------------------------------------
    @property
    def anchors(self) -> tuple[str, ...]:
        """Where heads are kept by these settings."""
        proof = self._config.proof
        mail = ("mail",) if proof.officer and self._config.mail.host else ()
        return ("log", *mail, *(("timestamp",) if proof.timestamp_url else ()))

    async def keep_outside(self, http: Http, kept: KeptHead) -> dict[str, str]:
        """Mail and time-stamp a head, where that is not done yet.  Returns anchor → what went
        wrong, "" if nothing did."""
        done = {"log": ""}
        if "mail" in self.anchors:
            done["mail"] = "" if kept.mailed_at else await self._mail(kept.signed)
        if "timestamp" in self.anchors:
            done["timestamp"] = "" if kept.stamped_at else await self._stamp(http, kept.signed)
        return done

    async def _mail(self, signed: SignedHead) -> str:
        head, company = signed.head, self._config.company
        sender = self._config.mail.sender or company.mail
        values = {
            "company": head.company,
            "events": f"{head.number:,}",
            "at": self._local(head.at).strftime("%Y-%m-%d %H:%M:%S %Z"),
            "token": signed.token,
        }
        name = f"{head.number}-{head.at}"
        domain = sender.rpartition("@")[2] or "localhost"
        try:
            message = letter(
                sender,
                self._config.proof.officer,
                self._texts.say("ledger.mail_subject", company.language, **values),
                self._texts.say("ledger.mail", company.language, **values),
                headers={"Message-ID": f"<ledger-{name}@{domain}>"},
                clock=self._clock,
            )
            message.add_attachment(signed.token + "\n", filename=f"ledger-head-{name}.txt")
            await send_mail(self._config.mail, message)
        except MailError as error:
            return str(error)
        await self._store.anchored(signed, "mail", at=self._clock.micros())
        return ""

    async def _stamp(self, http: Http, signed: SignedHead) -> str:
        try:
            answer, _ = await stamp(
                http, self._config.proof.timestamp_url, signed.token.encode(), self._roots()
            )
        except StampError as error:
            return str(error)
        await self._store.anchored(signed, "timestamp", at=self._clock.micros(), stamp=answer)
        return ""

    def _roots(self) -> list[Certificate]:
        path = self._config.timestamp_ca
        if path is None:
            return []
        try:
            return read_roots(path.read_bytes())
        except OSError as error:
            raise StampError(f"[proof] timestamp_ca: {path}: {error.strerror}") from None
        except StampError as error:
            raise StampError(f"[proof] timestamp_ca: {path} {error}") from None

    # --- every day ------------------------------------------------------------------------------
    async def run(self, http: Http, metrics: Metrics) -> None:
        """Sign and keep, for ever."""
        every = float(self._config.proof.every)
        for anchor in self.anchors:
            metrics.ledger_due.labels(anchor).set(self._clock.micros() / 1e6)
        while True:
            wait = AGAIN
            try:
                kept = await self._due(every)
                metrics.ledger_broken.set(0)
                done = await self.keep_outside(http, kept) if kept else {}
                self._say("; ".join(problem for problem in done.values() if problem))
                now = self._clock.micros() / 1e6
                for anchor in self.anchors:
                    if not done.get(anchor):
                        metrics.ledger_due.labels(anchor).set(now + every)
                if kept and not any(done.values()):
                    wait = every - (now - kept.signed.head.at / 1e6) % every
            except LedgerBroken as error:
                metrics.ledger_broken.set(1)
                self._say(str(error), logging.ERROR)
            except (ConfigError, StoreError) as error:
                self._say(str(error), logging.ERROR)
            await trio.sleep(min(max(wait, 1.0), max(every, AGAIN)))

    async def _due(self, every: float) -> KeptHead | None:
        """Return the newest head, signed now if it is time."""
        last = next(iter(await self._store.heads(limit=1)), None)
        if last and (self._clock.micros() - last.signed.head.at) / 1e6 < every:
            return last
        return await self.sign()

    def _say(self, problem: str, level: int = logging.WARNING) -> None:
        """Log a problem once, and its end."""
        if problem and problem != self._told:
            log.log(level, "consent ledger: %s; tried again every %d min", problem, AGAIN // 60)
        elif self._told and not problem:
            log.info("consent ledger: the head is kept outside again")
        self._told = problem

    def _local(self, at: int) -> datetime:
        zone = ZoneInfo(self._config.company.time_zone)
        return datetime.fromtimestamp(at / 1e6, UTC).astimezone(zone)

    def _day(self, at: int) -> str:
        return f"{self._local(at):%Y-%m-%d}"


def _resumed(last: KeptHead) -> tuple[Frontier, bytes]:
    """Return the tree and the hash that a kept head tells of."""
    head = last.signed.head
    try:
        tree = Frontier(head.number, last.peaks)
        if tree.root().hex() == head.root:
            return tree, bytes.fromhex(head.hash)
    except ValueError:  # somebody wrote into the table
        pass
    raise _broken(head.number)


def _fits(row: Row) -> bool:
    try:
        return row_digest(row) == row.hash
    except ValueError:
        return False


def _broken(event: int) -> LedgerBroken:
    return LedgerBroken(
        f"near event {event} the ledger does not fit what was signed before; it is not signed"
        " again.  Look now: gateway consent verify"
    )
