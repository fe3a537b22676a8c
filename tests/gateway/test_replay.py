"""The replay file: what is written can be read again, whatever happened to the file since."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway.replay import Begun, Entry, Erased, Withdrawn, line_of
from gateway.replay_file import ReplayFile

KEY = b"k" * 32
DAY = 86_400 * 1_000_000
AT = 20_000 * DAY


def withdrawn(n: int, at: int = AT) -> Withdrawn:
    """The withdrawal of person n."""
    return Withdrawn(at, at, "*", False, "wa", (bytes([n]) * 32,))


def opened(folder: Path, key: bytes = KEY) -> ReplayFile:
    return ReplayFile(folder / "replay", key)


def written(folder: Path, *groups: int) -> ReplayFile:
    """Write groups of that many entries, all committed."""
    file = opened(folder)
    n = 0
    for group in groups:
        file.append([withdrawn(n + i) for i in range(group)])
        file.committed()
        n += group
    return file


def numbers(file: ReplayFile, after: int = 0) -> list[int]:
    return [number for number, _ in file.entries(after, file.survey(after))]


def the_file(folder: Path) -> Path:
    (path,) = (folder / "replay").iterdir()
    return path


def test_every_entry_comes_back_as_it_was(tmp_path: Path) -> None:
    """Of each kind, with its number; nobody else can read the file."""
    entries: list[Entry] = [
        withdrawn(1),
        Begun(AT, 2**62, 3, "template", b"m" * 16, (b"a" * 16, b"b" * 16)),
        Erased(AT, (b"c" * 32,)),
    ]
    file = opened(tmp_path)
    assert file.append(entries) == 3
    file.committed()
    again = opened(tmp_path)
    survey = again.survey(0)
    assert (survey.last, survey.confirmed, survey.damaged, survey.foreign) == (3, 3, 0, 0)
    assert list(again.entries(0, survey)) == list(enumerate(entries, 1))
    assert numbers(again, after=2) == [3]
    assert the_file(tmp_path).stat().st_mode & 0o777 == 0o600
    assert the_file(tmp_path).parent.stat().st_mode & 0o777 == 0o700


def test_no_file_before_there_is_something_to_write(tmp_path: Path) -> None:
    """A gateway that never sent leaves nothing beside its database."""
    file = opened(tmp_path)
    assert file.survey(0).last == 0
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_it_is_synced_before_append_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write waits for the disk; of a new file its name, and its room, too."""
    written: list[str] = []
    write, data, both = os.pwrite, os.fdatasync, os.fsync

    def noted(fd: int, content: bytes, at: int) -> int:
        synced = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_DSYNC
        written.append("synced" if synced else "plain")
        return write(fd, content, at)

    monkeypatch.setattr(os, "pwrite", noted)
    monkeypatch.setattr(os, "fdatasync", lambda fd: (written.append("data"), data(fd)))
    monkeypatch.setattr(os, "fsync", lambda fd: (written.append("name"), both(fd)))
    file = opened(tmp_path)
    file.append([withdrawn(1)])
    assert written == ["plain", "name", "name", "plain", "data", "synced"]
    file.committed()
    file.append([withdrawn(2)])
    assert written[6:] == ["plain", "synced"]


def cut(n: int) -> Callable[[bytes], bytes]:
    return lambda content: content[: len(content) - n]


def flipped(line: int) -> Callable[[bytes], bytes]:
    def flip(content: bytes) -> bytes:
        lines = content.split(b"\n")
        lines[line] = lines[line][:12] + bytes([lines[line][12] ^ 1]) + lines[line][13:]
        return b"\n".join(lines)

    return flip


# Three groups of one: header, 1, C, 2, C, 3, C.
@pytest.mark.parametrize(
    ("harm", "left", "damaged", "confirmed"),
    [
        (cut(0), [1, 2, 3], 0, 3),
        (cut(1), [1, 2, 3], 0, 2),  # the last C is torn: nobody knows of 3
        (cut(17), [1, 2, 3], 0, 2),
        (cut(20), [1, 2], 0, 2),  # the last entry is torn: it was never acknowledged
        (flipped(1), [2, 3], 1, 3),
        (flipped(3), [1, 3], 1, 3),
        (flipped(4), [1, 2, 3], 1, 3),  # a C in the middle: the next one covers it
        (lambda content: content.replace(b"\n", b"\nx\n", 2), [1, 2, 3], 2, 3),
        (lambda content: content + b"\0" * 99, [1, 2, 3], 0, 3),  # room that was not used
    ],
)
def test_harm_costs_what_it_hit_and_nothing_else(
    tmp_path: Path,
    harm: Callable[[bytes], bytes],
    left: list[int],
    damaged: int,
    confirmed: int,
) -> None:
    """A torn end is no damage; a damaged line is told and left out."""
    written(tmp_path, 1, 1, 1).close()
    path = the_file(tmp_path)
    path.write_bytes(harm(path.read_bytes()))
    file = opened(tmp_path)
    survey = file.survey(0)
    assert (numbers(file), survey.damaged, survey.confirmed) == (left, damaged, confirmed)


def test_cut_at_every_byte(tmp_path: Path) -> None:
    """Whatever the length, what is whole is read, nothing is made up, and numbers go on."""
    written(tmp_path, 2, 1).close()
    path = the_file(tmp_path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        file = opened(tmp_path)
        survey = file.survey(0)
        assert numbers(file) == list(range(1, len(numbers(file)) + 1))
        assert survey.damaged == 0
        file.go_on(survey.last)
        assert file.append([withdrawn(9)]) > survey.last
        file.close()
        for other in path.parent.iterdir():
            if other != path:
                other.unlink()


def test_a_file_of_another_key_is_told(tmp_path: Path) -> None:
    """Nobody can be found by its hashes."""
    written(tmp_path, 1).close()
    survey = opened(tmp_path, b"x" * 32).survey(0)
    assert (survey.foreign, survey.last) == (1, 1)


def test_what_was_not_committed_does_not_count(tmp_path: Path) -> None:
    """Neither after a commit that failed, nor when the next start says so."""
    file = written(tmp_path, 1)
    file.append([withdrawn(2), withdrawn(3)])
    file.abandon()
    file.append([withdrawn(4)])
    file.committed()
    file.append([withdrawn(5)])  # the end comes before the commit
    file.close()

    again = opened(tmp_path)
    survey = again.survey(0)
    assert (survey.confirmed, survey.last) == (4, 5)
    assert numbers(again) == [1, 4, 5]
    again.go_on(survey.last, abandoned=5)
    again.append([withdrawn(6)])
    again.committed()
    assert numbers(opened(tmp_path)) == [1, 4, 6]


@pytest.mark.parametrize("call", ["pwrite", "fdatasync", "open"])
def test_what_cannot_be_written_is_refused_and_the_next_goes_into_a_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """A disk that is full: nothing of it counts; there is room again: all after it does."""
    file = written(tmp_path, 1)
    real = getattr(os, call)

    def full(*arguments: object) -> object:
        if call == "pwrite":
            fd, content, at = arguments
            real(fd, bytes(content)[:7], at)  # type: ignore[call-overload]
        raise OSError(errno.ENOSPC, "no space")

    if call != "pwrite":  # they come in when a file is new
        file.close()
    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="no space"):
        file.append([withdrawn(2)])
    file.abandon()
    monkeypatch.setattr(os, call, real)
    assert file.append([withdrawn(3)]) == 3
    file.committed()
    assert numbers(opened(tmp_path)) == [1, 3]
    assert opened(tmp_path).survey(0).damaged == 0


def test_a_nearly_full_disk_is_used_in_small_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room for a big block, some for a small one: what ends something gets in, and a block
    that did not fit takes no room from others."""
    most = 9 << 10
    real = os.pwrite

    def small(fd: int, content: bytes, at: int) -> int:
        if at >= most:
            raise OSError(errno.ENOSPC, "no space")
        return real(fd, bytes(content)[: most - at], at)

    monkeypatch.setattr(os, "pwrite", small)
    file = opened(tmp_path)
    for n in range(40):
        file.append([withdrawn(n)])
        file.committed()
    assert the_file(tmp_path).stat().st_size <= most
    with pytest.raises(OSError, match="no space"):
        file.append([withdrawn(n) for n in range(100)])
    file.abandon()
    assert numbers(opened(tmp_path)) == list(range(1, 41))


def test_a_new_file_each_day_and_the_old_ones_go(tmp_path: Path) -> None:
    """Whole files only, and never the newest: by its name numbers go on."""
    file = opened(tmp_path)
    for day in range(4):
        file.append([withdrawn(day, AT + day * DAY)])
        file.committed()
    assert len(list((tmp_path / "replay").iterdir())) == 4
    assert file.forget(AT) == 0
    assert file.forget(AT + 2 * DAY) == 1
    assert numbers(file) == [2, 3, 4]
    assert file.forget(AT + 900 * DAY) == 2
    assert opened(tmp_path).survey(0).last == 4


def test_a_big_file_is_followed_by_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start reads the newest only: what is asked for after it is in no older one."""
    monkeypatch.setattr("gateway.replay_file.FILE_BYTES", 500)
    file = written(tmp_path, *[1] * 40)
    files = sorted((tmp_path / "replay").iterdir())
    assert len(files) > 4
    files[0].write_bytes(b"not looked at\n")
    assert numbers(file, after=39) == [40]
    assert file.survey(39).foreign == 0


def test_a_line_is_small() -> None:
    """An attempt costs some three hundred bytes."""
    uses = (("whatsapp tier:100000000000002", AT, "4611686018427387904", AT + DAY),)
    entry = Begun(AT, 2**62, 1, "template", b"m" * 16, (b"a" * 16,) * 2, uses)
    assert len(line_of(10**9, entry)) < 320
