"""The proof of work: solved once, for a while, and only as it was asked."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

import altcha
import pytest

from gateway_plugins.inputs.form.captcha import VALID, Captcha

NOW = datetime.now(UTC)  # the library asks the system what time it is


def solved(captcha: Captcha, **changes: Any) -> str:
    made = captcha.challenge(NOW)
    solution = altcha.solve_challenge(altcha.Challenge.from_dict(made))
    assert solution is not None
    payload = {"challenge": made, "solution": {**solution.to_dict(), **changes}}
    return b64encode(json.dumps(payload).encode()).decode()


@pytest.fixture
def captcha() -> Captcha:
    return Captcha(cost=10)


def test_a_solution_counts_once(captcha: Captcha) -> None:
    payload = solved(captcha)
    assert [captcha.check(payload, NOW) for _ in range(3)] == [None, "used", "used"]


def test_it_expires(captcha: Captcha) -> None:
    assert captcha.check(solved(captcha), NOW + VALID) == "expired"


def test_another_process_knows_nothing_of_it(captcha: Captcha) -> None:
    assert Captcha(cost=10).check(solved(captcha), NOW) == "wrong"


def test_a_used_one_is_forgotten_when_it_would_be_too_old(captcha: Captcha) -> None:
    for _ in range(5):
        assert captcha.check(solved(captcha), NOW) is None
    assert len(captcha._used) == 5
    later = NOW + VALID
    captcha._forget(later.timestamp())
    assert captcha._used == {}


@pytest.mark.parametrize(
    "payload",
    ["x", "e30=", "bnVsbA==", b64encode(b"[]").decode(), "ä", "A" * 5000,
     b64encode(b'{"challenge": {}, "solution": {"counter": 1, "derivedKey": "00"}}').decode(),
     b64encode(b'{"challenge": {"parameters": 1}, "solution": {"counter": 1, "derivedKey": ""}}').decode()],
)  # fmt: skip
def test_rubbish_is_wrong(captcha: Captcha, payload: str) -> None:
    assert captcha.check(payload, NOW) == "wrong"


@pytest.mark.parametrize(
    "changes",
    [{"counter": -1}, {"counter": 2**40}, {"counter": "1"}, {"derivedKey": "00"}, {"derivedKey": None}],
)  # fmt: skip
def test_a_forged_solution_is_wrong(captcha: Captcha, changes: dict[str, Any]) -> None:
    assert captcha.check(solved(captcha, **changes), NOW) == "wrong"


def test_a_forged_challenge_is_wrong(captcha: Captcha) -> None:
    payload = json.loads(b64decode(solved(captcha)))
    payload["challenge"]["parameters"]["expiresAt"] += 10_000
    assert captcha.check(b64encode(json.dumps(payload).encode()).decode(), NOW) == "wrong"
    del payload["challenge"]["parameters"]["expiresAt"]
    assert captcha.check(b64encode(json.dumps(payload).encode()).decode(), NOW) == "wrong"


def test_none_is_missing(captcha: Captcha) -> None:
    assert captcha.check("", NOW) == "missing"
