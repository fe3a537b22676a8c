"""Secrets: a value that never prints itself, and where it is read from."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from gateway.errors import ConfigError

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd for LoadCredential=


class Secret:
    """A secret value.  Printing, formatting or encoding it yields `<secret>`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where it is put on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class SecretSource(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How settings name a secret: `{ secret = "NAME" }` or `{ file = "PATH" }`, never both.

    `secret` is a systemd credential of that name, or a file of that name in the folder
    `secrets/` beside the settings.
    """

    secret: str | None = None
    file: str | None = None

    def read(self, beside: Path) -> Secret:
        """Read the secret.  `beside` is the folder of the settings file.

        Raises ConfigError with a sentence that says what to change; the trailing line break
        that editors add is not part of a secret.
        """
        if (self.secret is None) == (self.file is None):
            raise ConfigError('give either { secret = "NAME" } or { file = "PATH" }')
        if self.file is not None:
            candidates = [beside / self.file]
        else:
            name = self.secret or ""
            if "/" in name or name in {"", ".", ".."}:
                raise ConfigError(f"a secret's name cannot be {name!r}")
            folder = os.environ.get(CREDENTIALS)
            candidates = [Path(folder) / name] if folder else []
            candidates.append(beside / "secrets" / name)
        for path in candidates:
            try:
                value = path.read_text(encoding="utf-8-sig").rstrip("\r\n")
            except FileNotFoundError:
                continue
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(
                    f"cannot read the secret in {path}: {error.__class__.__name__}"
                ) from None
            if not value:
                raise ConfigError(f"the secret in {path} is empty")
            return Secret(value)
        looked = " or ".join(str(path) for path in candidates)
        raise ConfigError(f"no secret found: put it into {looked}")
