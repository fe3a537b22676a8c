"""The lower half of `gateway status`: what the month cost, how the templates stand."""

import copy

import pytest

from gateway.cli.status import judge
from tests.gateway.cli.test_status import FINE, HOUR, NOW, page, with_

MONTH = {
    "since": NOW - 20 * 24 * HOUR - 19 * HOUR, "currency": "EUR", "rates_of": "2026-10-01",
    "spent": 1207.5, "promised": 0, "budget": None, "unpriced": {},
}  # fmt: skip


@pytest.mark.parametrize(
    ("month", "shown"),
    [
        (None, []),
        (MONTH, ["month    1,207.50 EUR since 31 Oct · prices of 2026-10-01"]),
        (
            MONTH | {"budget": 2500.0, "promised": 424.16},
            ["month    1,207.50 of 2,500.00 EUR since 31 Oct · 424.16 for what waits · 868.34 left",
             "         prices of 2026-10-01"],
        ),
        (
            MONTH | {"budget": 1500.0, "promised": 424.16},
            ["month    1,207.50 of 1,500.00 EUR since 31 Oct · 424.16 for what waits",
             "         USED UP: more marketing waits for a person · prices of 2026-10-01"],
        ),
        (
            MONTH | {"unpriced": {"FR": 1200, "?": 1}},
            ["month    1,207.50 EUR since 31 Oct · prices of 2026-10-01"
             " · no price for 1,200 in FR, 1 in ?"],
        ),
    ],
)  # fmt: skip
def test_what_the_month_cost(month, shown):
    lines = page(with_(month=month))
    begin = next((i for i, line in enumerate(lines) if line.startswith("month")), len(lines))
    end = next((i for i, line in enumerate(lines) if line.startswith("inputs")), len(lines))
    assert lines[begin:end] == (shown if month else [])


def language(code, state, said="", until=None):
    return {"language": code, "state": state, "said": said, "until": until}


def templates(**found):
    data = with_(marks={"alive": NOW, "backup": NOW})
    data["live"]["senders"]["main"]["templates"] = found
    return data


FINE_POST = [language("de", "approved", "APPROVED")]
SUBMIT = "submit another one, and name it in [topics.…] template"


@pytest.mark.parametrize(
    ("found", "line", "need"),
    [
        ({}, "", None),
        ({"blog_post": FINE_POST}, "template blog_post approved", None),
        (
            {"blog_post": FINE_POST, "tips": FINE_POST},
            "templates blog_post, tips approved",
            None,
        ),
        (
            {"blog_post": [*FINE_POST, language("en", "review", "PENDING")]},
            "template blog_post/de approved · template blog_post/en in review",
            None,
        ),
        (
            {"blog_post": [language("de", "review", "PENDING")]},
            "template blog_post/de in review",
            ("template blog_post is not approved yet", "posts wait for the provider's review"),
        ),
        (
            {"blog_post": [language("de", "paused", "PAUSED", NOW + 3 * HOUR)]},
            "template blog_post/de PAUSED until 21:41",
            ("template blog_post/de is paused by the provider, 3 h more",
             "posts wait and go on by themselves; change what people dislike in it"),
        ),
        (
            {"blog_post": [language("de", "paused", "PAUSED"), language("en", "approved")]},
            "template blog_post/de PAUSED · template blog_post/en approved",
            ("template blog_post/de is paused by the provider",
             "posts wait and go on by themselves; change what people dislike in it"),
        ),
        (
            {"blog_post": [language("de", "gone", "DISABLED")]},
            "template blog_post/de NOT APPROVED (DISABLED)",
            ("template blog_post may not be sent (DISABLED)", SUBMIT),
        ),
        (
            {"blog_post": []},
            "template blog_post MISSING",
            ("template blog_post does not exist at the provider", SUBMIT),
        ),
    ],
)  # fmt: skip
def test_how_templates_stand(found, line, need):
    data = templates(**found)
    (safety,) = [line for line in page(data) if line.startswith("safety")]
    assert safety == "safety   backup 18:41" + (f" · {line}" if line else "")
    verdict = judge(data, running=True)
    assert verdict.items == (() if need is None else (need,))
    assert verdict.code == (0 if need is None else 1)


def test_one_template_of_two_numbers_is_told_once():
    data = templates(blog_post=FINE_POST)
    data["live"]["senders"]["second"] = copy.deepcopy(data["live"]["senders"]["main"])
    assert "\n".join(page(data)).count("blog_post") == 1


def test_what_a_message_that_waits_says_is_no_second_thing():
    data = templates(blog_post=[language("de", "paused", "PAUSED")])
    reason = "21 Nov 2026: Meta paused the template blog_post (de) (FIRST_PAUSE)"
    data["messages"][1] |= {
        "paused": 1, "pause_code": "template_paused", "pause_reason": reason,
    }  # fmt: skip
    (item,) = judge(data, running=True).items
    assert item.what.startswith("#412 “Neun Fragen")


def test_nothing_is_known_of_templates():
    data = copy.deepcopy(FINE)
    data["live"]["senders"]["main"]["templates"] = None
    assert page(data) == page(FINE)
