"""What `gateway consent` reads itself, beside a running daemon: the ledger, and one person's proof."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway import ids
from gateway.cli.consent_page import STATE
from gateway.cli.group import Trouble
from gateway.cli.reach import NOT_RUNNING, Session, check_owner, listening
from gateway.config import GatewayConfig
from gateway.heads import KeyRing, read_token, tokens_in
from gateway.ledger import Checked, Checkpoint, Finding, check
from gateway.proofs import Proof, Signed, encoded, file_of, make
from gateway.signing import read_public_pem
from gateway.stamping import StampError, read_roots, read_stamp
from gateway.store.ledger import KeptHead

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gateway.store.sqlite.connection import SqliteTransaction

KEPT = "kept in the database"


@contextmanager
def reading(config: GatewayConfig) -> Iterator[SqliteTransaction]:
    """Open the database for one look at all of it, as it is at this moment; nothing is written."""
    import apsw

    from gateway.store.sqlite.connection import SqliteTransaction, open_reader

    if not listening(config):  # else the files beside the database are there, and the daemon's
        check_owner(config.database)
    if not config.database.exists():
        raise Trouble(
            f"there is no database {config.database}: the gateway never ran with these settings",
            code=NOT_RUNNING,
        )
    try:
        connection = open_reader(config.database)
        try:
            connection.execute("BEGIN")
            yield SqliteTransaction(connection)
        finally:
            connection.close()
    except apsw.Error as error:
        raise Trouble(f"cannot read the database {config.database}: {error}") from error


# --- files that a person brings -----------------------------------------------------------------
def read_file(path: Path, most: int = 64 << 20) -> bytes:
    """Read a file of the person who called.  Raises Trouble."""
    try:
        with path.open("rb") as opened:
            content = opened.read(most + 1)
    except OSError as error:
        raise Trouble(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > most:
        raise Trouble(f"{path}: has more than {most >> 20} MB")
    return content


def public_key(path: Path | None) -> bytes | None:
    """Read a public key.  Raises Trouble."""
    if path is None:
        return None
    key = read_public_pem(read_file(path, 1 << 16))
    if key is None:
        raise Trouble(f"{path}: holds no public Ed25519 key in PEM form")
    return key


def roots(path: Path | None) -> list[Certificate]:
    """Read a time-stamping service's root certificates.  Raises Trouble."""
    if path is None:
        return []
    try:
        return read_roots(read_file(path, 1 << 20))
    except StampError as error:
        raise Trouble(f"{path}: {error}") from error


def heads_in(paths: Sequence[Path]) -> list[Checkpoint]:
    """Read signed heads from mails, logs or whatever holds them.  Raises Trouble."""
    found = []
    for path in paths:
        tokens = tokens_in(read_file(path).decode("utf-8", "replace"))
        signed = [head for head in map(read_token, tokens) if head is not None]
        if not signed:
            raise Trouble(f"{path}: holds no signed head; it is a word that begins with mgh1")
        found += [Checkpoint(one, f"from {path}", outside=True) for one in signed]
    return found


def write_new(path: Path, content: bytes) -> None:
    """Write a file for its owner alone; one that is there stays.  Raises Trouble."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(content)
    except FileExistsError:
        raise Trouble(f"{path} is there already; name another file") from None
    except OSError as error:
        raise Trouble(f"{path}: not written: {error.strerror}") from error


# --- the whole ledger ---------------------------------------------------------------------------
class Look:
    """The ledger as it was checked: findings, time stamps, seconds."""

    def __init__(
        self,
        tx: SqliteTransaction,
        brought: Sequence[Checkpoint],
        trusted: bytes | None,
        certificates: Sequence[Certificate],
    ) -> None:
        from gateway.store.sqlite import consents, ledgering

        began = time.perf_counter()
        self.ring = KeyRing(ledgering.keys(tx), trusted)
        kept = list(ledgering.heads(tx))
        checkpoints = [*(Checkpoint(head.signed, KEPT) for head in kept), *brought]
        self.checked: Checked = check(ledgering.entries(tx), self.ring, checkpoints)
        self.stamps = self.trusted_stamps = 0
        for head in kept:
            self._stamp(head, certificates)
        orphans = ledgering.orphans(tx)
        if orphans:
            self._find("evidence", f"{orphans:,} pieces of evidence belong to no event")
        spoiled = ledgering.spoiled_wordings(tx)
        if spoiled:
            self._find("wording", f"{spoiled:,} of the wordings are not what people were shown")
        broken = ledgering.count_heads(tx) - len(kept)
        if broken:
            self._find("head", f"{broken:,} of the kept heads are none any more")
        for contact, topic, change in consents.strays(tx):
            was, now = (one.state if one else "nothing" for one in change)
            about = "everything" if topic == consents.EVERYTHING else topic
            self.checked.find(
                STATE, 0,
                f"of {ids.show('c', contact)} {about} is kept as {was}, and its events say"
                f" {now}: `gateway consent rebuild` derives it again",
            )  # fmt: skip
        self.seconds = time.perf_counter() - began

    def _stamp(self, head: KeptHead, certificates: Sequence[Certificate]) -> None:
        if head.stamp is None:
            return
        try:
            stamp = read_stamp(head.stamp, head.signed.token.encode(), certificates)
        except StampError as error:
            number = head.signed.head.number
            self._find("stamp", f"the time stamp of the head of {number:,} events: {error}")
        else:
            self.stamps += 1
            self.trusted_stamps += stamp.trusted

    def _find(self, code: str, text: str) -> None:
        self.checked.findings.append(Finding(code, 0, text))


# --- one person ---------------------------------------------------------------------------------
def prove(session: Session, who: str, by: str) -> tuple[bytes, Proof]:
    """Put a proof together and let the gateway seal it.  Returns the file and the proof."""
    looked = session.call("consent_look", who=who, by=by)
    with reading(session.config) as tx:
        proof = _proof(tx, session.config, looked)
    body = encoded(proof)
    seal = session.call("consent_seal", sha256=hashlib.sha256(body).hexdigest())
    return file_of(body, Signed(**seal)), proof


def _proof(tx: SqliteTransaction, config: GatewayConfig, looked: Mapping[str, Any]) -> Proof:
    from gateway.merkle import Tree
    from gateway.store.sqlite import ledgering, proving

    person = proving.person(tx, looked["contact"])
    if person is None or not person["events"]:
        raise Trouble("there is no consent event of this person; nothing was ever agreed")
    heads = list(ledgering.heads(tx, "ORDER BY at"))
    company = config.company
    named = {event["topic"] for event in person["events"]}
    named |= {sent["topic"] for sent in person["sent"]}
    return make(
        person,
        company={
            "name": company.name,
            "imprint": company.imprint,
            "privacy": company.privacy,
            "mail": company.mail,
            "time_zone": company.time_zone,
        },
        topics={
            name: {"title": topic.title, "purpose": topic.purpose, "version": topic.version}
            for name, topic in config.topics.items()
            if name in named
        },
        heads=heads,
        keys=ledgering.keys(tx),
        tree=Tree(ledgering.hashes(tx, heads[-1].signed.head.number)),
        made_at=time.time_ns() // 1000,
    )
