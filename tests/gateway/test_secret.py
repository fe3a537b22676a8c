"""A secret never prints itself, and says what to change when it cannot be read."""

from __future__ import annotations

import copy
import os
import pickle
from pathlib import Path

import msgspec
import pytest

from gateway.errors import ConfigError
from gateway.secret import CREDENTIALS, Secret, SecretSource

VALUE = "EAAverysecret"


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CREDENTIALS, raising=False)


def test_a_secret_prints_as_a_mask() -> None:
    """However it gets into a text, the value does not."""
    secret = Secret(VALUE)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert VALUE not in "".join(shown)
    assert all("<secret>" in text for text in shown)
    assert secret.reveal() == VALUE


@pytest.mark.parametrize(
    "way", [msgspec.json.encode, msgspec.to_builtins, pickle.dumps, copy.deepcopy]
)
def test_a_secret_is_never_encoded(way: object) -> None:
    """Encoding or copying it fails instead of leaking."""
    with pytest.raises(TypeError) as caught:
        way(Secret(VALUE))  # type: ignore[operator]
    assert VALUE not in str(caught.value)


def test_secrets_compare_by_value() -> None:
    """Two secrets of one value are equal, and nothing else is."""
    assert Secret(VALUE) == Secret(VALUE)
    assert len({Secret(VALUE), Secret(VALUE), Secret("x")}) == 2
    assert Secret(VALUE) != VALUE


@pytest.mark.parametrize(
    "content",
    [b"EAAverysecret", b"EAAverysecret\n", b"EAAverysecret\r\n", b"\xef\xbb\xbfEAAverysecret\n"],
)
def test_what_editors_add_is_no_part_of_it(tmp_path: Path, content: bytes) -> None:
    """A trailing line break or a byte-order mark does not break a token."""
    (tmp_path / "token").write_bytes(content)
    assert SecretSource(file="token").read(tmp_path).reveal() == VALUE
    assert SecretSource(file=str(tmp_path / "token")).read(Path("/elsewhere")).reveal() == VALUE


def test_a_named_secret_comes_from_systemd_or_from_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A credential of systemd wins over the folder `secrets/`; without one, that is used."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("beside")
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    source = SecretSource(secret="token")
    assert source.read(tmp_path).reveal() == "beside"
    monkeypatch.setenv(CREDENTIALS, str(credentials))
    assert source.read(tmp_path).reveal() == "beside"
    (credentials / "token").write_text("systemd")
    assert source.read(tmp_path).reveal() == "systemd"


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (SecretSource(), "give either"),
        (SecretSource(secret="a", file="b"), "give either"),
        (SecretSource(secret=""), "cannot be ''"),
        (SecretSource(secret="../passwd"), "cannot be '../passwd'"),
        (SecretSource(secret=".."), "cannot be '..'"),
        (SecretSource(secret="missing"), "no secret found: put it into"),
        (SecretSource(file="missing"), "no secret found: put it into"),
        (SecretSource(file="empty"), "is empty"),
        (SecretSource(file="latin1"), "it is no text in UTF-8"),
        (SecretSource(file="."), "Is a directory"),
        (SecretSource(file="empty/x"), "Not a directory"),
        (SecretSource(file="a\0b"), "has no line breaks or control characters"),
        (SecretSource(secret="geheimnis\nb"), "has no line breaks or control characters"),
        (SecretSource(file="long"), "is too long for a secret"),
        (SecretSource(file="/dev/zero"), "is too long for a secret"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(
    tmp_path: Path, source: SecretSource, sentence: str
) -> None:
    """Each way to get it wrong says what to change, and shows no content."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "latin1").write_bytes("geheimnis-ü".encode("latin-1"))
    (tmp_path / "long").write_text("geheimnis" * 10_000)
    with pytest.raises(ConfigError, match="secret") as caught:
        source.read(tmp_path)
    assert sentence in str(caught.value)
    assert "geheimnis" not in str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        "EAAGm0PX4ZCpsBAMZBZCmLZC",
        "EAAGm0PX4ZCpsBAMZBZCmLZC" * 20,  # longer than a file's name may be
        "EAAGm0PX4ZCps|BAMZ-BZCmLZC",
        "5cbd91f64e46d5a8e14ed12bccb864d0",
    ],
)
@pytest.mark.parametrize("way", ["secret", "file"])
def test_a_secret_in_the_place_of_its_name_is_not_repeated(
    tmp_path: Path, written: str, way: str
) -> None:
    """Whoever types the token itself is told so, and finds it in no log."""
    with pytest.raises(ConfigError, match="the secret itself seems to stand here") as caught:
        SecretSource(**{way: written}).read(tmp_path)
    assert written[:8] not in str(caught.value)
    if len(written) < 100:  # a file may be called so, of course
        (tmp_path / "secrets").mkdir()
        for folder in (tmp_path, tmp_path / "secrets"):
            (folder / written).write_text(VALUE)
        assert SecretSource(**{way: written}).read(tmp_path).reveal() == VALUE


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_secret_of_somebody_else(tmp_path: Path) -> None:
    """The reason is the system's own."""
    (tmp_path / "token").write_text(VALUE)
    (tmp_path / "token").chmod(0)
    with pytest.raises(ConfigError, match="Permission denied"):
        SecretSource(file="token").read(tmp_path)
