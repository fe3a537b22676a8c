"""Signed heads as words in mails and logs, and keys that vouch for each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import ConfigError
from gateway.heads import Head, KeyRing, PublicKey, SignedHead, read_token, stated, tokens_in
from gateway.keys import Keys
from gateway.logs import masked
from gateway.signing import (
    Signer,
    following,
    introduced,
    public_pem,
    read_public_pem,
    signer_of,
)


def signer() -> Signer:
    return Signer(Ed25519PrivateKey.generate())


def head(
    by: Signer, number: int = 41_207, at: int = 50, company: str = "Beispiel GmbH"
) -> SignedHead:
    said = Head(company=company, number=number, hash="ab" * 32, root="cd" * 32, at=at, key=by.id)
    return by.sign_head(said)


@given(st.text(max_size=200), st.integers(1, 10**9), st.integers(0, 2**50))
def test_a_token_reads_back(company: str, number: int, at: int) -> None:
    """Whatever the company is called; and the log's mask leaves it alone."""
    signed = head(signer(), number, at, company)
    assert read_token(signed.token) == signed
    assert masked(f"signed: {signed.token}") == f"signed: {signed.token}"


@given(st.data())
def test_a_changed_token_is_none_or_does_not_verify(data: st.DataObject) -> None:
    """No letter of it can be another one."""
    key = signer()
    token = head(key).token
    at = data.draw(st.integers(4, len(token) - 1))
    letter = data.draw(
        st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567").filter(lambda c: c != token[at])
    )
    read = read_token(token[:at] + letter + token[at + 1 :])
    assert read is None or KeyRing([introduced(key, 1)]).doubt_head(read)


def test_tokens_are_found_in_mails_and_logs() -> None:
    one, other = head(signer()), head(signer(), 50_000)
    mail = EmailMessage()
    mail.set_content(f"Guten Tag, für Sie:\n\n{one.token}\n\nGrüße", cte="quoted-printable")
    text = mail.as_string() + f'{{"message":"head: {other.token}"}}\n{one.token}'
    assert one.token not in mail.as_string(), "quoted-printable broke the line"
    assert tokens_in(text) == [one.token, other.token]
    assert tokens_in("mgh1SHORT nothing here") == []


@pytest.mark.parametrize("text", ["", "mgh1", "mgh1" + "A" * 300, "mgh1" + "A" * 5000, "xyz"])
def test_what_is_no_token(text: str) -> None:
    assert read_token(text) is None


# --- keys ---------------------------------------------------------------------------------------
@dataclass
class Three:
    """A first key, one that followed, and one after that."""

    signers: list[Signer]
    keys: list[PublicKey]


@pytest.fixture
def three() -> Three:
    signers = [signer() for _ in range(3)]
    keys = [
        introduced(one, 100 * (n + 1), signers[n - 1] if n else None)
        for n, one in enumerate(signers)
    ]
    return Three(signers, keys)


@pytest.mark.parametrize("trusted", [None, 0, 1, 2])
def test_who_trusts_one_key_trusts_all(three: Three, trusted: int | None) -> None:
    """Forward by the voucher, backward because each key names the one before it."""
    public = None if trusted is None else three.signers[trusted].public
    ring = KeyRing(three.keys, public)
    assert ring.problems == []
    assert [key.id for key in ring.keys] == [one.id for one in three.signers]
    for n, one in enumerate(three.signers):
        assert ring.doubt_head(head(one, at=100 * (n + 1) + 50)) == ""


def test_a_replaced_key_signs_nothing_more(three: Three) -> None:
    """A stolen old key makes no new heads."""
    late = head(three.signers[0], at=201)
    assert "took its place" in KeyRing(three.keys).doubt_head(late)


def changed(n: int, **fields: object) -> Callable[[Three], list[PublicKey]]:
    def change(three: Three) -> list[PublicKey]:
        keys = list(three.keys)
        keys[n] = msgspec.structs.replace(keys[n], **fields)
        return keys

    return change


@pytest.mark.parametrize(
    "forge",
    [
        changed(1, public=signer().public),
        changed(1, id="0" * 16),
        changed(1, since=150),
        changed(1, own=bytes(64)),
        changed(1, vouched=bytes(64)),
        changed(1, vouched=None),
        changed(1, previous=None),
        changed(2, previous="0" * 16),
        lambda three: [*three.keys, introduced(signer(), 400)],
        lambda three: [*three.keys, introduced(signer(), 400, signer())],
        lambda three: [introduced(signer(), 50), *three.keys],
    ],
)
def test_keys_that_were_forged_are_told(
    forge: Callable[[Three], list[PublicKey]], three: Three
) -> None:
    ring = KeyRing(forge(three), three.signers[0].public)
    assert ring.problems
    assert three.signers[0].id in [key.id for key in ring.keys]
    stranger = signer()
    assert "not known" in ring.doubt_head(head(stranger))


def test_a_key_that_is_trusted_and_not_there(three: Three) -> None:
    """All of it may be a forgery."""
    ring = KeyRing(three.keys, signer().public)
    assert "none of this ledger's" in ring.problems[0]
    assert ring.keys == []


def test_a_voucher_of_a_stranger_gives_no_past(three: Three) -> None:
    """Anybody can vouch for a key that is known; that makes nobody its predecessor."""
    forger = signer()
    real = three.keys[0]
    forged = msgspec.structs.replace(real, previous=forger.id, vouched=forger.sign(real.said_by()))
    ring = KeyRing([introduced(forger, 10), forged], real.public)
    assert ring.problems
    assert forger.id not in [key.id for key in ring.keys]


# --- files --------------------------------------------------------------------------------------
def test_keys_in_files(tmp_path: Path) -> None:
    """The first is made, then found again; the next one beside it."""
    keys = Keys(tmp_path / "keys")
    first = signer_of(keys, [])
    known = [introduced(first, 1)]
    path = tmp_path / "keys" / "ledger-1.pem"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----")
    assert signer_of(keys, known).id == first.id
    second = following(keys, known)
    assert following(keys, known).id == second.id, "a crash before it was kept makes no third"
    known.append(introduced(second, 2, first))
    assert signer_of(keys, known).id == second.id


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys")
    known = [introduced(signer_of(keys, []), 1)]
    with pytest.raises(ConfigError, match="rotate-key --lost"):
        signer_of(Keys(tmp_path / "other"), known)
    with pytest.raises(ConfigError, match="put back the copy"):
        signer_of(keys, [introduced(signer(), 1)])
    (tmp_path / "keys" / "ledger-1.pem").write_text("nonsense")
    with pytest.raises(ConfigError, match="holds no Ed25519 key"):
        signer_of(keys, known)


def test_public_keys_in_files() -> None:
    public = signer().public
    assert read_public_pem(public_pem(public)) == public
    assert read_public_pem(b"nonsense") is None


def test_statements_are_written_in_one_way() -> None:
    said = head(signer()).head
    assert stated(said) == (
        b'{"at":50,"company":"Beispiel GmbH","domain":"message-gateway ledger head v1","hash":"'
        + b"ab" * 32 + b'","key":"' + said.key.encode() + b'","number":41207,"root":"' + b"cd" * 32
        + b'"}'
    )  # fmt: skip
