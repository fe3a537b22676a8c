"""A settings file that cannot be read is one sentence with its path, and no value of it."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.document import LARGEST, read
from gateway.errors import ConfigError

LEAK = "EAAGm0PX4ZCpsBAMZBZCmLZC"
REFERENCE = (Path(__file__).parents[2] / "config" / "reference.toml").read_bytes()
GOOD = 'a = "ä"\n[b]\nc = 1\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.toml"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_what_editors_write(file: Path, encoding: str, ends: str) -> None:
    """A byte-order mark and the line ends of other systems are no mistakes."""
    file.write_bytes(GOOD.replace("\n", ends).encode(encoding))
    assert read(file) == {"a": "ä", "b": {"c": 1}}


def test_an_empty_file_is_no_settings_but_toml(file: Path) -> None:
    """What is missing is for others to say."""
    file.write_bytes(b"")
    assert read(file) == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD.encode("utf-16"), "is saved as UTF-16; save it as UTF-8"),
        (GOOD.encode("utf-16-le"), "is saved as UTF-16; save it as UTF-8"),
        (GOOD.encode("utf-16-be"), "is saved as UTF-16; save it as UTF-8"),
        (b'\n\nb = "\xe4"', "line 3 holds a character that is not UTF-8; save the file as UTF-8"),
        (bytes(range(256)), "line 2 holds a character that is not UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", "line 1, column 3: a key, = and a value belong on one line"),
        (b'a = "x\x00"', "is no TOML: line 1, column 7: Illegal character '\\x00'"),
        (b"#" * (LARGEST + 1), "has more than 1,048,576 bytes; this is no settings file"),
        (b"a = [", "is no TOML: at its end: no value stands there"),
        (b"a = [1", "is no TOML: at its end: a list has no ]"),
        (b"a =\nb = 1", "is no TOML: line 1, column 4: no value stands there; text goes in"),
        (f"\ntoken = {LEAK}".encode(), 'line 2, column 9: no value stands there; text goes in "'),
        (f'token = "{LEAK}\n'.encode(), "line 1, column 34: the line ends inside a text; a"),
        (f'a = """{LEAK}'.encode(), "at its end: a text has no end; a quotation mark is missing"),
        (f'a = "{LEAK}" x'.encode(), "line 1, column 32: something stands behind the value; #"),
        (b"a = 1\na = 2\n", "is no TOML: line 2, column 6: this key stands in the table already"),
        (b"[a.b]\n[a.b]", "is no TOML: line 2, column 5: Cannot declare [a.b] twice"),
        (b"a = { b = 1, b = 2 }", "line 1, column 19: this key stands in the table already"),
        (b"[a\nb = 1", "is no TOML: line 1, column 3: Expected ']'"),
        (b"chain:\n - consent", "line 1, column 6: a key, = and a value belong on one line"),
        (b'{"chain": []}', "line 1, column 1: a line is a [table], a key = value or a # comment"),
        (rb'a = "C:\gateway"', "column 10: in quotes a backslash is written \\\\, or use 'single"),
        (b"a = 2024-02-30", "is no TOML: line 1, column 5: Invalid date or datetime"),
        (b"a = " + b"[" * 100_000, "is no TOML: lists or tables are nested too deeply"),
        (b"a = " + b"9" * 5000, "is no TOML: a number has too many digits"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(file: Path, content: bytes, sentence: str) -> None:
    """Path, place, what is wrong and what to write; never what stands there."""
    file.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(file)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{file}: ")
    assert sentence in problem
    assert LEAK not in problem
    assert "\n" not in problem


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.integers(0, 30),
            st.binary(max_size=3)
            | st.sampled_from([b'"', b"[", b"]", b"{", b"=", b"\\", b"\n", b"\xff", b"\0"]),
        ),
        max_size=4,
    )
)
@settings(derandomize=True, max_examples=300, deadline=None)
def test_whatever_happened_to_a_file(changes: list[tuple[int, int, bytes]]) -> None:
    """Bytes that were lost, added or changed: settings, or one sentence."""
    raw = REFERENCE
    for place, lost, added in changes:
        start = place % (len(raw) + 1)
        raw = raw[:start] + added + raw[start + lost :]
    with TemporaryDirectory() as folder:
        file = Path(folder, "gateway.toml")
        file.write_bytes(raw)
        try:
            assert isinstance(read(file), dict)
        except ConfigError as error:
            (problem,) = error.problems
            assert problem.startswith(f"{file}: ")
            assert problem.isprintable()


def test_files_that_are_none(tmp_path: Path) -> None:
    """No file, a folder, and a file below a file."""
    (tmp_path / "a").write_bytes(b"")
    for path, sentence in (
        (tmp_path / "none", "there is no such file; --config names another"),
        (tmp_path, "is a folder; --config names the file in it"),
        (tmp_path / "a" / "b", "cannot be read: Not a directory"),
    ):
        with pytest.raises(ConfigError) as caught:
            read(path)
        assert caught.value.problems == (f"{path}: {sentence}",)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(file: Path) -> None:
    """The reason is the system's own."""
    file.write_bytes(b"")
    file.chmod(0)
    with pytest.raises(ConfigError, match="cannot be read: Permission denied"):
        read(file)
