"""Keys that the gateway makes for itself: in a folder of their own, readable by its user alone.

They lie apart from the database, so that a copy of one is no copy of the other.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from gateway.errors import ConfigError

BYTES = 32


class Keys:
    """The folder of keys, made when the first one is needed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def secret(self, name: str) -> bytes:
        """Return the 32 random bytes kept in `NAME.key` as hex, made if they are not there.

        Raises ConfigError if the file cannot be read or written, or holds something else.
        """
        content = self.read(f"{name}.key")
        if content is None:
            content = self.write(f"{name}.key", secrets.token_hex(BYTES).encode() + b"\n")
        try:
            value = bytes.fromhex(content.decode("ascii").strip())
        except ValueError:
            value = b""
        if len(value) != BYTES:
            raise ConfigError(
                f"{self.folder / name}.key holds no key of {BYTES} bytes in hex; put back the copy"
            )
        return value

    def read(self, file: str) -> bytes | None:
        """Return what a file of the folder holds, None if it is not there."""
        path = self.folder / file
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"cannot read the key {path}: {error.strerror}") from error

    def write(self, file: str, content: bytes) -> bytes:
        """Write a new file (mode 0600) and return what it holds; one that is there stays."""
        path = self.folder / file
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Linked into place when it is whole: a crash leaves no half key, and the first wins.
            temporary = path.with_name(f".{file}.{secrets.token_hex(4)}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(content)
                    opened.flush()
                    os.fsync(opened.fileno())
                os.link(temporary, path)
            except FileExistsError:
                pass
            finally:
                temporary.unlink()
            return path.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot write the key {path}: {error.strerror}") from error
