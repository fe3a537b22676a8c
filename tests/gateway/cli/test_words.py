"""Numbers, times, lines: what they look like."""

import pytest

from gateway.cli.words import (
    Times,
    clean,
    lines,
    number,
    padded,
    paint,
    short,
    span,
    table,
    wrapped,
)

SECOND = 1_000_000
NOON = 1_795_258_860 * SECOND  # 2026-11-21 12:01:00 in Berlin


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"), (2, "2 s"), (119, "119 s"), (120, "2 min"), (3600, "60 min"),
        (7199, "120 min"), (7200, "2 h"), (86400, "24 h"), (172800, "2 d"), (-300, "5 min"),
        (5000 * 86400, "5,000 d"),
    ],
)  # fmt: skip
def test_spans(seconds, said):
    assert span(seconds * SECOND) == said


def test_numbers():
    assert [number(0), number(5250), number(1_000_000), number(1.14)] == [
        "0",
        "5,250",
        "1,000,000",
        "1.1",
    ]


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (0, "12:01"),
        (12 * 3600, "00:01"),
        (13 * 3600, "20 Nov 23:01"),
        (300 * 86400, "25 Jan 12:01"),
        (400 * 86400, "17 Oct 2025 13:01"),  # in summer time
    ],
)
def test_times_are_those_of_the_company(back, said):
    assert Times("Europe/Berlin", NOON).short(NOON - back * SECOND) == said


def test_time_zones():
    assert Times("Europe/Berlin", NOON).headline() == "21 Nov 12:01 CET"
    assert Times("Asia/Tokyo", NOON).stamp(NOON) == "2026-11-21 20:01:00"


def test_text_that_would_steer_a_terminal():
    assert clean("a\x1b[31mb\x9b\u202ec") == "a�[31mb��c"
    assert clean({"\x1b]0;x": "of a list's column"}) == {"�]0;x": "of a list's column"}
    assert clean({"x": ["\x07", 1, None, "Ä 👩‍👧\n"]}) == {"x": ["�", 1, None, "Ä 👩‍👧\n"]}


def test_padded_counts_columns():
    assert (padded("日", 4), padded("Wärme", 6), padded("lang", 2)) == ("日  ", "Wärme ", "lang")


@pytest.mark.parametrize(
    ("text", "most", "cut"),
    [("kurz", 4, "kurz"), ("ganz lang", 6, "ganz…"), ("日本語", 5, "日本…"), ("a\n b", 9, "a b")],
)
def test_short(text, most, cut):
    assert short(text, most) == cut


def test_lines_break_between_pieces_and_never_overflow():
    assert lines("main", ["one", "two words", "", "three"], 24) == [
        "main     one · two words",
        "         three",
    ]
    long = lines("x", ["a" * 40, "b c " * 20], 30)
    assert max(map(len, long)) <= 30
    assert "".join(long).count("a") == 40


def test_wrapped_never_loses_a_word():
    assert wrapped("", 10) == [""]
    assert wrapped("aa bb cc", 5) == ["aa bb", "cc"]
    assert "".join(wrapped("x" * 25, 10)) == "x" * 25


def test_table():
    assert table([["a", "1", "x"], ["bcd", "22", ""]], right=(1,)) == ["a     1  x", "bcd  22"]
    assert table([]) == []


def test_paint_changes_no_letter():
    page = ["SENDING  yes.", "         more", "main     x"]
    painted = paint(page, "green")
    assert painted.count("\x1b[") == 5
    import click

    assert click.unstyle(painted) == "\n".join(page)


def test_a_piece_of_several_lines_begins_behind_the_one_before():
    assert lines("state", ["held", "the template needs a link and has none"], 30) == [
        "state    held · the template",
        "         needs a link and has",
        "         none",
    ]
    assert lines("state", ["held", "until a person said so"], 31) == [
        "state    held",
        "         until a person said so",
    ]
