"""Own keys: made once, read again, for nobody else's eyes."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.keys import BYTES, Keys


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """Also by somebody else who opens the same folder later."""
    keys = Keys(tmp_path / "keys")
    first = keys.secret("links")
    assert len(first) == BYTES
    assert Keys(tmp_path / "keys").secret("links") == first
    assert keys.secret("suppression") != first


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    Keys(tmp_path / "keys").secret("links")
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "keys" / "links.key").stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "keys") == ["links.key"]


def test_two_at_once_have_one_key(tmp_path: Path) -> None:
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(Keys(tmp_path / "keys").secret("links")))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert len(set(found)) == 1


@pytest.mark.parametrize("content", [b"", b"abc", b"z" * 64, b"00" * 31, b"\xff" * 64])
def test_a_broken_key_is_told_not_replaced(tmp_path: Path, content: bytes) -> None:
    """A new one would make every link and every suppression of before void."""
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "links.key").write_bytes(content)
    with pytest.raises(ConfigError, match="put back the copy"):
        Keys(folder).secret("links")
    assert (folder / "links.key").read_bytes() == content


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot"):
        Keys(tmp_path / "file" / "keys").secret("links")
