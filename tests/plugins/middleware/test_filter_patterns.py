r"""Users' patterns: what they mean in German, how mistakes are told, and that none can hang."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from gateway.api import ConfigError, Drop, Hold, Message
from gateway.testing import judged, make, message
from gateway_plugins.middleware.filter import Filter
from gateway_plugins.middleware.filter.patterns import MEMORY, Pattern, PatternError, fold


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        (r"wett(e|bonus)", "Der große WETTBONUS", "WETTBONUS"),
        (r"\bübung\b", "Die Übung beginnt", "Übung"),
        (r"\bübung\b", "Hausübung", ""),
        (r"\bGlück\b", "Glu\u0308ck im Spiel", "Glück"),
        (r"h\wuser", "alte Häuser", "Häuser"),
        (r"[ÄÖÜ]rger", "viel ärger", "ärger"),
        (r"[a-z]rger", "viel Ärger", ""),
        (r"schon", "schön", ""),
        (r"(?i)Straße", "STRASSE straße", "straße"),
        (r"(?i:straße)$", "Lange Straße", "Straße"),
        (r"caf[eé]", "Café", "Café"),
        (r"cafe", "CAFÉ", "CAFÉ"),
        (r"\x{e4}h", "Ähre", "Äh"),
        (r"\Qa.b\E", "A.B", "A.B"),
        (r"\Qa.b\E", "axb", ""),
        (r"^neu", "Alt\nNeu", ""),
        (r"(?m)^neu", "Alt\nNeu", "Neu"),
        (r"alt.neu", "Alt\nNeu", ""),
        (r"(?s)alt.neu", "Alt\nNeu", "Alt Neu"),
        (r"\d{2} ?€", "nur 19 €", "19 €"),
        (r"gratis", "gra\u00adtis", "gratis"),
        (r"gratis", "g\u200bratis", "gratis"),
        (r"gratis", "ｇｒａｔｉｓ", "gratis"),
        (r"gratis", "*gra*tis", "gratis"),
        (r"gratis", "g r a t i s", "gratis"),
        (r"rabatt", "Rаbatt", "Rabatt"),  # with a Cyrillic а
        (r"привет", "Привет!", "Привет"),
    ],
)
async def test_a_pattern_means_what_a_german_writes(pattern: str, text: str, found: str) -> None:
    """In any case, umlauts are letters, tricks of type are undone; the sentence shows the words."""
    written = message(title="", text=text)
    rules = [{"pattern": pattern, "reason": "not with us"}]
    blocked = await judged(make(Filter, blocked_patterns=rules, threshold=0), written)
    held = await judged(make(Filter, held_patterns=rules, threshold=0), written)
    if found:
        assert blocked == Drop("blocked_pattern", f'not with us: "{found}"')
        said = f'not with us: "{found}"; release it if that is meant'
        assert held == Hold("held_pattern", said)
    else:
        assert isinstance(blocked, Message)
        assert isinstance(held, Message)


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("x(abc", "a ( is never closed (at character 2)"),
        ("(a)(b", "a ( is never closed (at character 4)"),
        ("ab)", "this ) closes nothing (at character 3)"),
        ("a[b", "a [ is never closed (at character 2)"),
        ("ab**", "** repeats a repetition (at character 3)"),
        ("*a", "* has nothing before it to repeat (at character 1)"),
        ("a{2000}", "{2000} repeats too often"),
        (r"(ä)\1", r"\1 means nothing here"),
        ("ö(?=x)", "(?= is not known here (no look-ahead or look-behind) (at character 2)"),
        ("(?i)ö(?<!x)", "(?<! is not known here"),
        ("[z-a]", "z-a is no range of characters (at character 2)"),
        ("a\\", "nothing follows the last \\"),
        (r"[[:upper:]]{5}", "a pattern matches in any case (at character 2)"),
        (r"\p{Lu}+", "a pattern matches in any case (at character 1)"),
        ("", "the pattern is empty"),
        ("a*", "it matches an empty text"),
        ("x" * 1001, "1000 are the most"),
        ("(((x{10}){10}){10}){10}", "repeats too often"),
        (r"(\pL{500}|\pN{500}|\PL{500})\pS{400}", "it is too large"),
        ("\ud800", "a character of it is none"),
    ],
)
def test_a_mistake_is_told_where_and_what(pattern: str, said: str) -> None:
    """`gateway check` names the setting, the pattern and the place."""
    with pytest.raises(PatternError, match=re.escape(said)):
        Pattern(pattern)
    rule = {"pattern": pattern, "reason": "x"}
    good = {"pattern": "x", "reason": "x"}
    with pytest.raises(ConfigError, match=r"held_patterns: number 2, .*" + re.escape(said)):
        make(Filter, held_patterns=[good, rule])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"blocked_patterns": [{"pattern": "x", "reason": " "}]}, "number 1: say the reason"),
        ({"blocked_patterns": [{"pattern": "x"}]}, "reason"),
        ({"blocked_patterns": ["x"]}, "expected a table"),
        ({"blocked_patterns": [{"pattern": "x", "reason": "y"}] * 101}, "100 are the most"),
    ],
)
def test_a_pattern_comes_with_a_reason(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(Filter, **settings)


def took(pattern: Pattern, text: str) -> float:
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        pattern.search(text)
        best = min(best, time.process_time() - started)
    return best


@pytest.mark.parametrize(
    ("pattern", "unit"),
    [
        (r"(a+)+$", "a"),
        (r"(a|aa)+$", "a"),
        (r"([a-zA-Z]+)*!", "a"),
        (r"(x+x+)+y", "x"),
        (r"(.*a){15}b", "a"),
        (r"^(\w+\s?)+$", "wort "),
        (r"(\w+ä?)+ß", "häh"),
    ],
)
def test_no_pattern_hangs(pattern: str, unit: str) -> None:
    """What needs years elsewhere grows with the text: eight times as long, not 2^n times."""
    compiled = Pattern(pattern)
    short, long = fold(unit * 4_000 + "!?"), fold(unit * 32_000 + "!?")
    compiled.search(short)
    assert took(compiled, long) < 8 * 6 * max(took(compiled, short), 1e-4)


def test_folding_keeps_every_place() -> None:
    """A place in the folded text is one in the text, whatever the letters."""
    text = "ÄäÖöÜüß ẞ İ ﬁ Œ ø é e\u0301 ǅ Привет 日本 🙏🏽 \U0001d400"
    assert len(fold(text)) == len(text)
    assert fold("AOUS") == "aous"
    assert len({fold(letter) for letter in "aäoöuüsß"}) == 8
    assert MEMORY <= 1 << 20


def test_all_mistakes_are_told_at_once() -> None:
    """Each with its key and number."""
    with pytest.raises(ConfigError) as told:
        make(
            Filter,
            blocked_patterns=[{"pattern": "(", "reason": ""}],
            held_patterns=[{"pattern": "x", "reason": "x"}, {"pattern": ")", "reason": "x"}],
            threshold=-1,
            held_words=["!"],
        )
    keys = [problem.split("]")[1].split(":")[0].strip() for problem in told.value.problems]
    patterns = ["blocked_patterns", "blocked_patterns", "held_patterns"]
    assert keys == ["held_words", "threshold", *patterns]


@pytest.mark.parametrize(
    ("pattern", "text", "quoted"),
    [
        (r"DE\d{2}[ \d]+", "Konto DE02 1203 0000 0000 2020 51", "DE·· ···· ···· ···· ···· ··"),
        (r"\S+@\S+", "Fragen an kunde@blog.example bitte", "…@…"),
        (r"nur \d+ Euro", "Das kostet nur 1999 Euro heute", "nur 1999 Euro"),
    ],
)
async def test_a_reason_quotes_nobodys_account(pattern: str, text: str, quoted: str) -> None:
    """Reasons are kept and logged; a pattern may be made to find just what must not be."""
    rules = [{"pattern": pattern, "reason": "our rule"}]
    held = await judged(
        make(Filter, held_patterns=rules, threshold=0, personal_data=[]), message(text=text)
    )
    assert held == Hold("held_pattern", f'our rule: "{quoted}"; release it if that is meant')
