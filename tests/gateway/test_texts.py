"""The texts that people read: whole in every language, changed by a folder, never half."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.texts import SHIPPED, TextFiles

VALUES = re.compile(r"\{([a-z_]+)\}")


def test_every_language_has_every_text_with_the_same_values() -> None:
    texts = TextFiles()
    english = texts.keys("en")
    for language in SHIPPED:
        found = texts.keys(language)
        assert found.keys() == english.keys()
        for key, text in found.items():
            assert set(VALUES.findall(text)) == set(VALUES.findall(english[key])), (language, key)
            assert text == text.strip() != "", (language, key)


@pytest.mark.parametrize(
    ("company", "wanted", "spoken"),
    [
        ("de", None, "de"),
        ("de", "en-GB", "en"),
        ("de", "fr", "de"),
        ("en_GB", None, "en"),
        ("fr", None, "en"),
        ("fr", "de-AT", "de"),
    ],
)
def test_who_is_answered_in_which_language(company: str, wanted: str | None, spoken: str) -> None:
    """The person's, else the company's, else English."""
    assert TextFiles(company).language(wanted) == spoken


def test_a_folder_changes_and_adds(tmp_path: Path) -> None:
    """What it does not hold stays; a wording tells that it is not the shipped one."""
    (tmp_path / "de.toml").write_text('[link]\nbutton = "Los geht\'s"\n', encoding="utf-8")
    (tmp_path / "fr.toml").write_text('version = "7"\n[link]\nbutton = "S\'abonner"\n')
    texts = TextFiles("de", tmp_path)
    assert texts.say("link.button", "de") == "Los geht's"
    assert texts.say("link.button", "fr") == "S'abonner"
    assert texts.say("link.button", "en") == TextFiles().say("link.button", "en")
    assert texts.wording("link.button", "de", "Blog").version.endswith("+own")
    assert texts.wording("link.button", "fr", "Blog").version == "7"
    assert (texts.versioned("fr"), texts.versioned("de")) == (True, False)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("[link]\nbotton = 'x'", "there is no text 'link.botton'"),
        ("[link]\nbutton = 'an {wen}'", "{wen}"),
        ("[link]\nbutton = 3", "no text in quotes"),
        ("[link", "de.toml"),
    ],
)
def test_a_wrong_folder_says_what_is_wrong(tmp_path: Path, content: str, problem: str) -> None:
    (tmp_path / "de.toml").write_text(content)
    with pytest.raises(ConfigError, match=re.escape(problem)):
        TextFiles("de", tmp_path)
    with pytest.raises(ConfigError, match="no folder"):
        TextFiles("de", tmp_path / "nowhere")


def test_values_are_not_read_again() -> None:
    """A name with braces in it stays what it is."""
    texts = TextFiles()
    key = next(key for key, text in texts.keys("en").items() if "{company}" in text)
    names = VALUES.findall(texts.keys("en")[key])
    said = texts.say(key, "en", **dict.fromkeys(names, "{company}"))
    assert "{company}" in said
    with pytest.raises(KeyError):
        texts.say(key, "en")
