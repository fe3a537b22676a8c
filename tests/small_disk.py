"""A real file system of a few megabytes, to fill and to break."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.needs import lacking, need

FILLER = "filler"


class SmallDisk:
    """A tmpfs of so many megabytes at `path`; with `journal` an ext4 in a file.

    Needs to be root, or a sudo that does not ask.
    """

    def __init__(self, path: Path, megabytes: int, *, journal: bool = False) -> None:
        self.path = path
        path.mkdir()
        if journal:
            image = path.with_suffix(".img")
            with image.open("wb") as file:
                file.truncate(megabytes << 20)
            subprocess.run([need("mkfs.ext4"), "-q", "-m", "0", str(image)], check=True)
            self._mount("-o", "loop", str(image))
        else:
            owner = f"uid={os.getuid()},gid={os.getgid()},mode=700"
            self._mount("-t", "tmpfs", "-o", f"size={megabytes}m,{owner}", "tmpfs")

    def _mount(self, *options: str) -> None:
        done = _as_root("mount", *options, str(self.path))
        if done.returncode:
            lacking(f"no file system can be mounted here ({done.stderr.strip()})")

    @property
    def free(self) -> int:
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Let somebody else take all but so many bytes, also what was freed since."""
        with (self.path / FILLER).open("ab") as file:
            taken = file.tell()
            for step in (1 << 20, 64 << 10, 4 << 10):
                while self.free >= leave + step:
                    try:
                        os.posix_fallocate(file.fileno(), taken, step)
                    except OSError:
                        break
                    taken += step

    def clear(self) -> None:
        """Take that away."""
        (self.path / FILLER).unlink()

    def break_off(self) -> None:
        """Make an ext4 read-only under open files, as the kernel does when it finds an error."""
        done = _as_root("mount", "-o", "remount,abort", str(self.path))
        assert done.returncode == 0, done.stderr

    def read_only(self) -> None:
        """Mount it for reading; nothing on it may be open for writing."""
        done = _as_root("mount", "-o", "remount,ro", str(self.path))
        assert done.returncode == 0, done.stderr

    def close(self) -> None:
        _as_root("umount", "-l", str(self.path))


def small_disk(
    request: pytest.FixtureRequest, path: Path, megabytes: int, *, journal: bool = False
) -> SmallDisk:
    """Mount one until the end of a test."""
    disk = SmallDisk(path, megabytes, journal=journal)
    request.addfinalizer(disk.close)
    return disk


def _as_root(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    sudo = [] if os.getuid() == 0 else [need("sudo"), "-n"]
    command = [*sudo, need(program), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)
