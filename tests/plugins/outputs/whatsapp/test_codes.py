"""The error table is complete, and says what section 5.4 of the reference says."""

from __future__ import annotations

import re

import pytest

from gateway_plugins.outputs.whatsapp.codes import (
    ADVICE,
    NAMES,
    OTHER,
    RULES,
    WITHOUT_CODE,
    WRONG_ID,
    rule_for,
)
from tests.plugins.outputs.whatsapp import errors_page

# Meta, "Error codes", "Send marketing messages", "Groups API": every code of the message path.
FAMILIES = {
    "THR": "4 80007 130429 131048 131056 131208 132069",
    "TRN": "1 2 131016 131053 131057 134101 134102",
    "AMBIGUOUS": "131000",
    "RCP": "130403 130472 130497 131021 131026 131030 131047 131049 131050 137000",
    "MSG": """100 131008 131009 131014 131020 131041 131051 131055 131059 131062 131063 131201
        131202 131204 131209 131210 131211 131212 131213 132000 132001 132005 132007 132008 132012
        132015 132016 132018 132068 134100 135000 1752041""",
    "ACC": """0 3 10 33 190 200 299 368 2500 131005 131031 131037 131042 131045 131064 131207
        131214 131215 133010 134011 139200""",
    "INB": "131052 131060",
}
SET_UP = """133000 133004 133005 133006 133008 133009 133015 133016 2388019 2388040 2388047 2388073
    2388293 2388299 2388012 2388091 2388093 2388103 2494100 2593107 2593108 147001 147002 147003
    147004 147005 138000 138021 613 139000 139001 139002 139003 139004 139100 139101 139102 139103
    131044 2388318 2388330"""
# name, scope, start, factor, cap in seconds, tries
PAUSES = {
    131056: ("contact", 1, 4, 64, 6),
    130429: ("sender", 1, 2, 60, None),
    4: ("app", 300, 2, 3600, None),
    80007: ("portfolio", 300, 2, 3600, None),
    131048: ("sender", 3600, 2, 86400, None),
    2: ("sender", 5, 2, 300, None),
    131016: ("sender", 5, 2, 300, None),
    134102: ("message", 5, 2, 300, 5),
    131057: ("sender", 60, 2, 300, None),
    131053: ("message", 10, 3, 300, 3),
    1: ("message", 5, 2, 300, 2),
}


@pytest.mark.parametrize(
    ("code", "family"),
    [(int(code), family) for family, codes in FAMILIES.items() for code in codes.split()],
)
def test_every_code_of_the_message_path(code: int, family: str) -> None:
    rule = rule_for(code)
    assert rule is not OTHER
    assert rule.family == family
    assert rule.outcome == ("unknown" if family == "AMBIGUOUS" else "rejected")
    if family in {"THR", "TRN"}:
        assert rule.pause is not None


@pytest.mark.parametrize("code", [int(code) for code in SET_UP.split()])
def test_every_code_of_the_set_up(code: int) -> None:
    assert rule_for(code) is not OTHER


@pytest.mark.parametrize(("code", "expected"), PAUSES.items())
def test_pauses(code: int, expected: tuple[object, ...]) -> None:
    rule = RULES[code]
    assert rule.pause is not None
    pause = rule.pause
    assert (rule.scope, pause.start, pause.factor, pause.cap, pause.tries) == expected


def test_names_and_advice() -> None:
    for rule in (*RULES.values(), *WITHOUT_CODE):
        assert re.fullmatch(r"[a-z][a-z0-9_]{2,31}", rule.name)
        assert rule.advice.endswith(".")
        assert rule.name in NAMES
        assert ADVICE[rule.name] == rule.advice
    several = {"registration", "template_definition", "migration", "history_sync", "username"}
    several |= {"flows", "block_list", "calling"}
    single = [rule.name for rule in RULES.values() if rule.name not in several]
    assert len(single) == len(set(single))


def test_ranges_and_subcodes() -> None:
    assert rule_for(250) is RULES[200]
    assert rule_for(138013) is RULES[138000]
    assert rule_for(100, 33) is WRONG_ID
    assert rule_for(100, 2018001) is RULES[100]
    assert rule_for(999999) is OTHER


def test_the_page_for_people_has_the_same_table() -> None:
    """docs/errors.md; errors_page.py writes it anew."""
    assert errors_page.written() == errors_page.table()


def test_pauses_are_followed_until_the_tries_are_used_up() -> None:
    """Then comes what the rule says: it fails, or its message is for a person."""
    rule = RULES[131053]
    assert [rule.follows(rule.after(n)) for n in (1, 2, 3)] == [
        ("retry", 10.0),
        ("retry", 30.0),
        ("hold", None),
    ]
    assert RULES[131056].follows(None) == ("fail", None)
    assert RULES[131042].follows(300.0) == ("stop", None)
    assert RULES[132015].follows(300.0) == ("template", 300.0)
    assert RULES[132016].follows(None) == ("template", None)
