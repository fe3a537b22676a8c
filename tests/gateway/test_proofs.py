"""A proof in a file: it holds on its own, and nothing in it can be changed, by whomever."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.heads import Head, PublicKey, stated
from gateway.merkle import Frontier, Tree
from gateway.proof_check import Verdict, verify
from gateway.proof_page import ProofPage
from gateway.proofs import (
    Answer,
    Proof,
    Seal,
    SignedAnswer,
    as_key,
    encoded,
    file_of,
    make,
    signed_statement,
)
from gateway.signing import Signer, introduced
from gateway.stamping import read_roots
from gateway.store.ledger import KeptHead
from gateway.store.sqlite import SqliteStore, ledgering, proving
from gateway.store.sqlite.connection import SqliteTransaction, open_reader
from gateway.texts import TextFiles
from tests.gateway.stampers import Stamper
from tests.gateway.story import PURPOSE, QUESTION, WORDING, told

AT = 1_763_700_000_000_000
COMPANY = {
    "name": "Beispiel GmbH", "imprint": "https://blog.example/impressum", "privacy": "",
    "mail": "redaktion@blog.example", "time_zone": "Europe/Berlin",
}  # fmt: skip
TOPICS = {"blog": {"title": "Neue Beiträge", "purpose": PURPOSE, "version": "1"}}


class Company:
    """Its ledger after the story, its key, and what it makes of them."""

    def __init__(self) -> None:
        self.signer = Signer(Ed25519PrivateKey.generate())
        self.keys: list[PublicKey] = [introduced(self.signer, AT)]
        self.person: dict[str, Any] = {}
        self.hashes: list[bytes] = []

    async def live(self) -> None:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "store.db"
            async with SqliteStore(path) as store:
                story = await told(store)
                await store.attach(await story.contact(1), b"s" * 32, "scan.pdf", at=AT)
                await story.confirmed(20, "blog", first=50)
                reader = open_reader(path)
                tx = SqliteTransaction(reader)
                self.person = proving.person(tx, await story.contact(1)) or {}
                self.hashes = list(ledgering.hashes(tx, 10_000))
                reader.close()

    def head(self, number: int, at: int, **fields: Any) -> KeptHead:
        tree = Frontier()
        for digest in self.hashes[:number]:
            tree.add(digest)
        head = Head(
            company="Beispiel GmbH", number=number, hash=self.hashes[number - 1].hex(),
            root=tree.root().hex(), at=at, key=self.signer.id,
        )  # fmt: skip
        return KeptHead(signed=self.signer.sign_head(head), peaks=tree.peaks, **fields)

    def heads(self) -> list[KeptHead]:
        """Three: one before Erika came, one soon after, one of today."""
        all_ = len(self.hashes)
        return [self.head(5, AT), self.head(9, AT + 1), self.head(all_, AT + 2)]

    def proof(self, heads: list[KeptHead] | None = None) -> Proof:
        return make(
            self.person, company=COMPANY, topics=TOPICS, heads=heads or self.heads(),
            keys=self.keys, tree=Tree(self.hashes), made_at=AT + 3,
        )  # fmt: skip

    def sealed(self, body: bytes) -> bytes:
        seal = Seal(
            company="Beispiel GmbH", sha256=hashlib.sha256(body).hexdigest(), at=AT + 4,
            key=self.signer.id,
        )  # fmt: skip
        return file_of(body, signed_statement(seal, self.signer.sign(stated(seal))))

    def verify(self, content: bytes) -> Verdict:
        return verify(content, self.signer.public)


@cache
def company() -> Company:
    made = Company()
    trio.run(made.live)
    return made


@cache
def file() -> bytes:
    return company().sealed(encoded(company().proof()))


def plain() -> dict[str, Any]:
    """The proof as plain values, to be changed."""
    found: dict[str, Any] = json.loads(encoded(company().proof()))
    return found


def test_a_proof_holds() -> None:
    """Every event, with its evidence and wording, is in the ledger that was signed soon after it,
    and in today's."""
    verdict = company().verify(file())
    assert verdict.problems == []
    assert verdict.sound
    proof = verdict.proof
    assert proof is not None
    assert [event.name for event in proof.events] == ["requested", "asked", "confirmed"]
    assert (verdict.evidence, verdict.erased) == (3, 0)
    assert sorted(verdict.heads) == [9, len(company().hashes)]
    assert verdict.sealed_at == AT + 4


def test_what_is_in_it() -> None:
    """Wording, question and answer with their words, everything sent with its fate, the file that
    was handed in; and nothing of anybody else."""
    proof = company().proof()
    assert [w["text"] for w in proof.wordings.values()] == [WORDING.text]
    question, first, second = proof.sent
    assert question["asks"] == [proof.events[0].number]
    assert question["attempts"][0]["text"] == QUESTION
    assert question["attempts"][0]["buttons"] == ["Ja", "Nein"]
    assert "Neun Fragen" in first["attempts"][0]["text"]
    assert first["basis_event"] == proof.events[2].number
    assert second["attempts"][0]["read_at"]
    assert [received["caption"] or received["words"] for received in proof.received] == [
        "START blog K7F3", "Ja",
    ]  # fmt: skip
    answer = proof.received[1]
    evidence = json.loads(proof.events[2].evidence or "")
    assert evidence["answer"] == answer["provider_id"]
    assert evidence["raw"] == answer["raw"] == hashlib.sha256(b'{"yes":1}').hexdigest()
    assert [one["name"] for one in proof.files] == ["scan.pdf"]
    assert b"+491510000010" not in file(), "somebody else"


def test_a_proof_stays_small() -> None:
    """One of 100,000 events takes no more than another one: seventeen hashes for each event."""
    assert len(file()) < 20_000
    tree = Tree(hashlib.sha256(n.to_bytes(4, "big")).digest() for n in range(100_000))
    assert len(tree.path(41_206, 100_000)) == 17


def test_without_a_key_from_elsewhere_it_only_fits_itself() -> None:
    verdict = verify(file())
    assert verdict.sound
    assert not verdict.given


def test_another_key_trusts_nothing() -> None:
    verdict = verify(file(), Signer(Ed25519PrivateKey.generate()).public)
    assert not verdict.sound
    assert "none of this ledger's" in verdict.problems[0]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_byte_can_be_changed(data: st.DataObject) -> None:
    """Whoever changes a byte of the file, anywhere, is found out."""
    content = file()
    at = data.draw(st.integers(0, len(content) - 2))  # the last one is the end of the line
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != content[at]))
    changed = content[:at] + bytes([byte]) + content[at + 1 :]
    between = content[at : at + 1].isspace() and bytes([byte]).isspace()
    sealed = content.index(b'"proof": ') + 9 <= at < content.rindex(b',\n"seal": ')
    assert not company().verify(changed).sound or (between and not sealed)


# --- somebody who has the key -------------------------------------------------------------------
HASHED = (
    "number", "at", "recorded_at", "contact", "topic", "name", "source", "commitment", "previous",
    "hash", "format", "sender", "wording", "request", "salt", "evidence",
)  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every plain value."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def other(value: Any) -> Any:
    """Return a value of the same type that is another one."""
    if value is None:
        return "0" * 64
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1_000_000
    middle = len(value) // 2
    letter = "1" if value[middle : middle + 1] != "1" else "2"
    return value[:middle] + letter + value[middle + 1 :]


PROVEN = ("events", "wordings", "heads", "keys", "states")


@pytest.mark.parametrize("part", PROVEN)
def test_who_has_the_key_cannot_change_what_is_in_the_ledger(part: str) -> None:
    """The proof is sealed anew after each change; the chain tells all the same."""
    proof = plain()
    ways = list(leaves(proof[part]))
    assert len(ways) > 3
    for way in ways:
        if way[-1] in ("mailed_at", "request"):  # said by the company alone; or empty and odd
            continue
        changed = json.loads(json.dumps(proof))
        place = changed[part]
        for key in way[:-1]:
            place = place[key]
        place[way[-1]] = other(place[way[-1]])
        verdict = company().verify(company().sealed(json.dumps(changed).encode()))
        assert not verdict.sound, f"{part} {way}"


def without_event(proof: dict[str, Any]) -> None:
    proof["events"].pop()


def of_another(proof: dict[str, Any]) -> None:
    proof["contacts"] = [7]


def without_ways(proof: dict[str, Any]) -> None:
    proof["events"][0]["paths"] = {}


def longer_way(proof: dict[str, Any]) -> None:
    for path in proof["events"][0]["paths"].values():
        path.append("00" * 32)


def without_heads(proof: dict[str, Any]) -> None:
    proof["heads"] = []


def without_wordings(proof: dict[str, Any]) -> None:
    proof["wordings"] = {}


def no_hex(proof: dict[str, Any]) -> None:
    proof["events"][0]["hash"] = "öö"


def bad_key(proof: dict[str, Any]) -> None:
    proof["keys"][0]["public"] = "öö"


def bad_stamp(proof: dict[str, Any]) -> None:
    proof["heads"][0]["stamp"] = base64.b64encode(b"nonsense").decode()


@pytest.mark.parametrize(
    "forge",
    [
        without_event, of_another, without_ways, longer_way, without_heads, without_wordings,
        no_hex, bad_key, bad_stamp,
    ],
)  # fmt: skip
def test_who_has_the_key_cannot_leave_things_out(forge: Callable[[dict[str, Any]], None]) -> None:
    proof = plain()
    forge(proof)
    assert not company().verify(company().sealed(json.dumps(proof).encode())).sound


def test_two_heads_that_contradict_each_other() -> None:
    """Who writes two ledgers and signs both is found out when both heads meet."""
    proof = plain()
    forked = Company()
    forked.signer, forked.hashes = company().signer, [b"x" * 32] * 9
    proof["heads"].append({"token": forked.head(9, AT + 7).signed.token})
    verdict = company().verify(company().sealed(json.dumps(proof).encode()))
    assert any("contradict" in problem for problem in verdict.problems)


def test_erased_evidence_is_told_and_fine() -> None:
    proof = plain()
    proof["events"][0] |= {"salt": None, "evidence": None}
    verdict = company().verify(company().sealed(json.dumps(proof).encode()))
    assert verdict.sound
    assert (verdict.evidence, verdict.erased) == (2, 1)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"proof": {}, "seal": {}}', b"[" * 100_000]
)
def test_what_is_no_proof(content: bytes) -> None:
    verdict = verify(content)
    assert not verdict.sound
    assert "no proof" in verdict.problems[0]


def test_stamps_go_along(tmp_path: Path) -> None:
    """The first stamped head that covers an event is in its proof, and checked with the root."""
    stamper = Stamper(tmp_path / "stamps")
    from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

    heads = company().heads()
    heads.insert(2, company().head(12, AT + 1))
    asked = TimestampRequestBuilder().data(heads[2].signed.token.encode())
    query = asked.hash_algorithm(HashAlgorithm.SHA256).build().as_bytes()
    heads[2] = msgspec.structs.replace(heads[2], stamp=stamper.answer(query), stamped_at=AT)
    content = company().sealed(encoded(company().proof(heads)))
    roots = read_roots(stamper.root.read_bytes())
    verdict = verify(content, company().signer.public, roots)
    assert verdict.problems == []
    ((head, stamp),) = verdict.stamps
    assert (head.number, stamp.trusted, stamp.by) == (12, True, "CN=Stamps")


# --- answers ------------------------------------------------------------------------------------
def answer_file(**fields: Any) -> bytes:
    signer = company().signer
    answer = Answer(
        **{
            "company": "Beispiel GmbH", "kind": "phone", "value": "+4917139200999",
            "answer": "unknown", "head": company().heads()[0].signed.token, "at": AT,
            "key": signer.id,
        }
        | fields
    )  # fmt: skip
    signed = signed_statement(answer, signer.sign(stated(answer)))
    return msgspec.json.encode(SignedAnswer(answer=signed, keys=[as_key(company().keys[0])]))


def test_an_answer_holds() -> None:
    verdict = company().verify(answer_file())
    assert verdict.sound
    assert verdict.answer is not None
    assert verdict.answer.answer == "unknown"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"unknown", b"erased"),
        (b"999", b"998"),
        (b"mgh1", b"mgh2"),
        (b"Beispiel", b"Beispeil"),
        (str(AT).encode(), str(AT + 1).encode()),
    ],
)
def test_a_changed_answer(old: bytes, new: bytes) -> None:
    content = answer_file()
    assert old in content
    assert not company().verify(content.replace(old, new)).sound


# --- the page -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("de", ["Nachweis der Einwilligung", "Einwilligung liegt vor, bestätigt am 02.03.2025",
                "hat bestätigt", "Was es nicht beweist", "Telefonnummer"]),
        ("en", ["Proof of consent", "consent given, confirmed 2025-03-02", "signed up",
                "What it does not prove"]),
        ("fr", ["Nachweis der Einwilligung"]),
    ],
)  # fmt: skip
def test_the_page_tells_it_in_words(language: str, words: list[str]) -> None:
    """With everything that is in the proof, nothing to load, and what people wrote is escaped."""
    texts = TextFiles("de")
    page = ProofPage(company().proof(), texts, language, file="p.json", sha256="ab" * 32).render()
    for word in [*words, WORDING.text, QUESTION, "Ja · Nein", "START blog K7F3", "Wärmepumpe",
                 "+491510000001", "ab" * 32, "scan.pdf", "Neue Beiträge (blog)"]:  # fmt: skip
        assert word in page, word
    assert "<script" not in page
    assert "alert(1)&lt;/script&gt;" in page
    assert "{" not in page.partition("</style>")[2], "a value that was not filled in"
    for loads in ("src=", "href=", "url(", "@import"):
        assert loads not in page


def test_the_page_without_evidence() -> None:
    proof = plain()
    proof["events"][0] |= {"salt": None, "evidence": None}
    proof["sent"][0]["attempts"][0] |= {"text": "", "state": "unknown", "code": "131026"}
    proof |= {"received": [], "states": [], "erased_at": AT, "name": "Erika <b>"}
    proof["events"][2]["number"] = 4_000
    made = msgspec.convert(proof, Proof)
    page = ProofPage(made, TextFiles("en"), "en", file="p.json", sha256="").render()
    for word in (
        "evidence of this event was erased", "not kept any more", "outcome unknown", "131026",
        "nothing about any topic", "Nothing is kept", "This person was erased", "Erika &lt;b&gt;",
        "event 4,000",
    ):  # fmt: skip
        assert word in page, word


def test_question_and_answer_outlive_the_messages() -> None:
    """Messages go after [retention] sent and conversation; the evidence has the words."""
    proof = plain() | {"received": [], "sent": []}
    made = msgspec.convert(proof, Proof)
    page = ProofPage(made, TextFiles("en"), "en", file="p.json", sha256="").render()
    assert f"<blockquote>{QUESTION}</blockquote>" in page
    assert '<blockquote class="reply">Ja</blockquote>' in page
    assert '<blockquote class="reply">START blog K7F3</blockquote>' in page


@pytest.mark.parametrize("contact", [-1, 2**70])
def test_a_strangers_file_cannot_hang_the_one_who_checks(contact: int) -> None:
    """Whoever seals with a key of their own may write anything; it is refused, not printed."""
    proof = plain() | {"contact": contact}
    assert not verify(company().sealed(json.dumps(proof).encode())).sound


@pytest.mark.parametrize("at", [-1, 2**62])
def test_times_that_are_no_dates(at: int) -> None:
    signer = company().signer
    seal = Seal(company="Beispiel GmbH", sha256="", at=at, key=signer.id)
    signed = signed_statement(seal, signer.sign(stated(seal)))
    assert "the seal is none" in verify(file_of(encoded(company().proof()), signed)).problems
    assert not verify(answer_file(at=at)).sound
