"""Every sentence that a person reads, by language: shipped here, changed by the settings.

    [welcome]
    text = "{company} schreibt dir ab jetzt …"

`[company] texts = "texts"` names a folder beside the settings with files of the same form; what
they hold wins, and a key or a {value} that the shipped texts do not know is an error.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError
from gateway.inbound import Wording

SHIPPED = ("de", "en")
_VALUE = re.compile(r"\{([a-z_]+)\}")


class TextFiles:
    """The texts of all languages.  Implements gateway.given.Texts."""

    def __init__(self, company_language: str = "de", folder: Path | None = None) -> None:
        """Raises ConfigError with every problem of the files in `folder`."""
        self._texts = {language: _shipped(language) for language in SHIPPED}
        self.own: frozenset[str] = frozenset()
        """Languages that the folder changes or adds."""
        self._versioned: set[str] = set()
        if folder is not None:
            self._add(folder)
        first = _code(company_language)
        self._fallback = tuple(code for code in (first, "en") if code in self._texts)

    def language(self, wanted: str | None) -> str:
        """See Texts.language."""
        code = _code(wanted or "")
        return code if code in self._texts else self._fallback[0]

    def say(self, key: str, language: str | None = None, **values: object) -> str:
        """See Texts.say."""
        text = self._text(key, self.language(language))[0]
        return _VALUE.sub(lambda found: str(values[found[1]]), text)

    def wording(self, key: str, language: str | None, purpose: str, **values: object) -> Wording:
        """See Texts.wording.  The version is the file's, and says if the settings changed it."""
        _, spoken = self._text(key, self.language(language))
        version = self._texts[spoken].get("version", "")
        changed = "+own" if spoken in self.own - self._versioned else ""
        return Wording(
            text=self.say(key, language, **values),
            language=spoken,
            version=f"{version}{changed}",
            purpose=purpose,
        )

    def keys(self, language: str) -> dict[str, str]:
        """Return all texts of a language that is there by itself."""
        return {key: text for key, text in self._texts[language].items() if key != "version"}

    def versioned(self, language: str) -> bool:
        """Return whether the own texts of a language say their version."""
        return language in self._versioned

    def _text(self, key: str, language: str) -> tuple[str, str]:
        for code in (language, *self._fallback):
            if key in self._texts[code]:
                return self._texts[code][key], code
        raise KeyError(key)

    def _add(self, folder: Path) -> None:
        if not folder.is_dir():
            raise ConfigError(f"[company] texts: there is no folder {folder}")
        problems = []
        for path in sorted(folder.glob("*.toml")):
            try:
                texts = _flat(tomllib.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                problems.append(f"{path}: {error}")
                continue
            known = self._texts["en"]
            for key, text in texts.items():
                if key == "version":
                    continue
                if key not in known:
                    problems.append(f"{path}: there is no text {key!r}")
                elif unknown := set(_VALUE.findall(text)) - set(_VALUE.findall(known[key])):
                    named = ", ".join(f"{{{name}}}" for name in sorted(unknown))
                    problems.append(f"{path}: {key} names {named}, which it does not get")
            code = _code(path.stem)
            if texts.get("version"):
                self._versioned.add(code)
            self._texts[code] = {**self._texts.get(code, {}), **texts}
            self.own |= {code}
        if problems:
            raise ConfigError(*problems)


def _shipped(language: str) -> dict[str, str]:
    source = files("gateway.texts") / f"{language}.toml"
    return _flat(tomllib.loads(source.read_text(encoding="utf-8")))


def _flat(tables: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for section, table in tables.items():
        items: Iterable[tuple[str, Any]] = (
            ((f"{section}.{name}", text) for name, text in table.items())
            if isinstance(table, dict)
            else [(section, table)]
        )
        for key, text in items:
            if not isinstance(text, str):
                raise ValueError(f"{key} is no text in quotes")
            found[key] = text
    return found


def _code(language: str) -> str:
    return language.lower().replace("_", "-").partition("-")[0]
