"""A message that is just a stop word withdraws, and no other does."""

from __future__ import annotations

import pytest

from gateway.consent import ALWAYS, StopWords


@pytest.mark.parametrize("word", ALWAYS)
@pytest.mark.parametrize("spelling", ["{}", " {}! ", "„{}“", "{}.\n🙏", "*{}*"])
def test_the_words_that_always_count(word: str, spelling: str) -> None:
    """However it is written, a stop word withdraws."""
    words = StopWords()
    for written in (word, word.upper(), word.title()):
        assert words.withdraws(spelling.format(written))


@pytest.mark.parametrize(
    "message",
    [
        "",
        "🙏",
        "Stop it, that was funny",
        "Bitte nicht stoppen",
        "nonstop",
        "Wann ist das Ende der Aktion?",
        "Ja",
        "stop " * 100,
    ],
)
def test_other_messages_do_not_withdraw(message: str) -> None:
    """A stop word inside a sentence is conversation."""
    assert not StopWords().withdraws(message)


def test_the_settings_add_words() -> None:
    """Words of the settings count beside those that always do; empty ones are no words."""
    words = StopWords(["Keine Post mehr", "", " ! "])
    assert words.withdraws("keine post mehr!!!")
    assert words.withdraws("STOP")
    assert not words.withdraws("")
    assert not words.withdraws("!")
    assert "" not in words.words
