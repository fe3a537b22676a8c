"""The files of config/, ready to be loaded: in a folder of their own, with secrets that fit."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).parents[2] / "config"


def settings_files() -> list[Path]:
    """Return every settings file that is shipped."""
    return [CONFIG / "gateway.toml", CONFIG / "reference.toml", *CONFIG.glob("examples/*.toml")]


def read(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def placed(file: Path, folder: Path) -> Path:
    """Copy a settings file into a folder and give it the secrets that it names."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for name in secret_names(read(file)):
        (secrets / name).write_text("a-fake-secret-of-tests\n")
    shutil.copy(CONFIG / "rates.toml", folder)
    return Path(shutil.copy(file, folder / "gateway.toml"))


def secret_names(value: Any) -> Iterator[str]:
    """Yield the names of all secrets in some settings."""
    if isinstance(value, dict):
        if value.keys() == {"secret"}:
            yield value["secret"]
        for inner in value.values():
            yield from secret_names(inner)
