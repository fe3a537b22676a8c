"""Answers of the API, by name; nothing personal survives in their details."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.api import Rejected, Unknown
from gateway_plugins.outputs.whatsapp.codes import NAMES, OTHER, PASSING, RULES, THROTTLED
from gateway_plugins.outputs.whatsapp.errors import (
    DETAIL,
    Pauses,
    failure,
    provider_id,
    retry_after,
    without_personal,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ACCEPTED = {
    "messaging_product": "whatsapp",
    "contacts": [{"input": "+4917139200011", "wa_id": "4917139200011"}],
    "messages": [{"id": "wamid.U0FOREJPWC1PVVQtMDAwMQ", "message_status": "accepted"}],
}


def graph(code: Any, details: str = "", **more: Any) -> bytes:
    error: dict[str, Any] = {"message": f"(#{code}) title", "type": "OAuthException", "code": code}
    if details:
        error["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return json.dumps({"error": {**error, **more}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, ACCEPTED, "wamid.U0FOREJPWC1PVVQtMDAwMQ"),
        (200, {"messages": [{"id": "wamid.X"}]}, "wamid.X"),
        (200, {"messages": [{"id": ""}]}, None),
        (200, {"messages": []}, None),
        (200, {"messages": [{"id": 5}]}, None),
        (200, {"success": True}, None),
        (200, [], None),
        (400, ACCEPTED, None),
    ],
)
def test_provider_id(status: int, body: Any, expected: str | None) -> None:
    assert provider_id(status, json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("status", "body", "name", "unknown"),
    [
        (400, graph(131056), "pair_rate", False),
        (403, graph(131056), "pair_rate", False),
        (500, graph(131056), "pair_rate", False),
        (400, graph("131047"), "window_closed", False),
        (401, graph(0), "not_authenticated", False),
        (403, graph(275), "permission_asset", False),
        (400, graph(100), "bad_parameter", False),
        (400, graph(100, error_subcode=33), "wrong_id", False),
        (503, graph(2), "temporary", False),
        (206, graph(131201), "group_partly", False),
        (200, graph(190), "token_invalid", False),
        (500, graph(131000), "something_wrong", True),
        (400, graph(131000), "something_wrong", True),
        (400, graph(1), "unknown_error", False),
        (500, graph(1), "unknown_error", True),
        (400, graph(424242), "meta_other", False),
        (500, graph(424242), "meta_other", True),
        (429, graph(424242), "throttled", False),
        (429, b"slow down", "throttled", False),
        (200, b"<html>", "no_message_id", True),
        (200, b"", "no_message_id", True),
        (204, b"", "no_message_id", True),
        (200, b"{}", "no_message_id", True),
        (200, b'{"messages":[{"id":"wamid.\xff"}]}', "no_message_id", True),
        (500, b"", "server_error", True),
        (502, b"<html>Bad Gateway</html>", "server_error", True),
        (504, b'{"error":"timeout"}', "server_error", True),
        (503, b'{"error":{"message":"x"}}', "server_error", True),
        (408, b"", "server_error", True),
        (403, b"<html>forbidden</html>", "no_graph_error", False),
        (404, b"{}", "no_graph_error", False),
        (302, b"", "no_graph_error", False),
        (400, b'\xef\xbb\xbf{"error":{"code":131047}}', "window_closed", False),
        (400, b'{"error":{"code":131047,"message":"\xff"}}', "window_closed", False),
        (400, b'{"error":{"code":131047,"message":"\\ud83d"}}', "window_closed", False),
        (400, b'{"error":{"code":131047.0}}', "window_closed", False),
        (400, b'{"error":{"code":"0131047"}}', "window_closed", False),
        (400, b'{"error":{"code":-1}}', "meta_other", False),
        (400, b'{"error":{"code":%s}}' % (b"9" * 400), "meta_other", False),
        (400, b'{"error":{"code":1e400}}', "no_graph_error", False),
        (400, b'{"error":{"code":NaN}}', "no_graph_error", False),
        (400, b'{"error":{"code":[131047]}}', "no_graph_error", False),
        (400, b'{"error":[{"code":131047}]}', "no_graph_error", False),
        (400, b'[{"error":{"code":131047}}]', "no_graph_error", False),
        (400, b'{"error":"no"}', "no_graph_error", False),
        (400, b"null", "no_graph_error", False),
        (400, graph(131047).decode().encode("utf-16"), "no_graph_error", False),
        (500, graph(131047).decode().encode("utf-16"), "server_error", True),
        (200, b'{"error":"no"}', "no_message_id", True),
        (400, b'{"error":{"code":true}}', "no_graph_error", False),
        (400, b"[" * 100_000, "no_graph_error", False),
    ],
)
def test_failure(status: int, body: bytes, name: str, unknown: bool) -> None:
    refused = failure(status, body)
    assert (refused.rule.name, refused.unknown) == (name, unknown)
    error = refused.error(9.0)
    assert type(error) is (Unknown if unknown else Rejected)
    assert (error.code, error.scope) == (name, refused.rule.scope)
    waits = not unknown and error.action in ("retry", "later", "slow", "template")
    assert error.retry_after == (9.0 if waits else None)


@pytest.mark.parametrize("code", sorted(RULES))
def test_only_the_persons_own_stop_withdraws(code: int) -> None:
    assert failure(400, graph(code)).error(None).withdraws is (code == 131050)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from([131056, 131050, 190, 100, 33, "131047", 10**400]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(
        st.sampled_from(["code", "error_subcode", "error_data", "details", "message", "is_transient",
                         "fbtrace_id", "estimated_time_to_regain_access", "id"]), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(
    JSON, JSON, st.sampled_from([200, 204, 302, 400, 403, 408, 429, 500, 503]), st.text(max_size=30)
)
@settings(derandomize=True, max_examples=500, deadline=None)
def test_whatever_is_answered(error: Any, messages: Any, status: int, header: str) -> None:
    """An id, or a name of the table with a short detail; a pause within bounds."""
    body = json.dumps({"error": error, "messages": messages}).encode()
    if provider_id(status, body) is None:
        refused = failure(status, body)
        assert refused.rule.name in NAMES
        assert len(refused.detail) < 2 * DETAIL
    headers = {"retry-after": header, "x-business-use-case-usage": json.dumps({"1": [error]})}
    assert 1.0 <= (retry_after(RULES[4], headers, 1.0, NOW) or 0.0) <= 86400.0


def test_a_new_code_that_passes() -> None:
    assert failure(400, graph(424242, is_transient=True)).rule is PASSING
    assert PASSING.name == OTHER.name
    assert THROTTLED.scope == "sender"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (
            graph(131056, "Too many messages.", fbtrace_id="A1b2C3d4E5f6G7h8"),
            "Meta 131056: Too many messages. (trace A1b2C3d4E5f6G7h8)",
        ),
        (graph(131056), "Meta 131056: title"),
        (graph(100, error_data="a plain string"), "Meta 100: a plain string"),
        (graph(100, error_data=7, error_user_msg="look"), "Meta 100: look"),
        (graph(100, message=None), "Meta 100"),
        (graph(100, fbtrace_id="<b>"), "Meta 100: title"),
    ],
)
def test_detail(body: bytes, detail: str) -> None:
    assert failure(400, body).detail == detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("number +49 171 39200-11 is bad", "number … is bad"),
        ("to 4917139200011.", "to …."),
        ("user US.10000000000000000042", "user …"),
        ("parent US.ENT.20000000000000000007!", "parent …!"),
        ("message wamid.HBgLNDkx=", "message …"),
        ("Malformed access token EAAG0aBcDeFgHiJkLmNoPqRs", "Malformed access token …"),
        ("proof 1b6da06614b46940143cddb599881fa839a8968a679ba837ff0596e07113acd7", "proof …"),
        ("get https://cdn.example/a?token=1 failed", "get … failed"),
        ("mail ada@example.org", "mail …"),
        ("the Secret Title is long", "the … is long"),
        # what an operator needs stays
        (
            "body: number of localizable_params (2) does not match the expected number (1)",
            "body: number of localizable_params (2) does not match the expected number (1)",
        ),
        (
            "template name (blog_post_of_the_summer_2026) does not exist in en_US",
            "template name (blog_post_of_the_summer_2026) does not exist in en_US",
        ),
        ("two\n  lines", "two lines"),
    ],
)
def test_without_personal(text: str, expected: str) -> None:
    assert without_personal(text, ["Secret Title", "a", ""]) == expected


def test_detail_is_short() -> None:
    assert len(without_personal("x y " * 1000)) == DETAIL


def test_pauses_of_one_person_count_the_attempts() -> None:
    pauses = Pauses()
    rule = RULES[131056]
    waits = [pauses.next(rule, attempt, 0.0) for attempt in range(1, 8)]
    assert waits == [1, 4, 16, 64, 64, None, None]
    assert pauses.next(RULES[131026], 1, 0.0) is None
    assert [pauses.next(RULES[131053], n, 0.0) for n in (1, 2, 3)] == [10, 30, None]


def test_pauses_of_a_sender_grow_once_per_pause() -> None:
    pauses = Pauses()
    rule = RULES[130429]
    assert pauses.next(rule, 1, 100.0) == 1
    assert pauses.next(rule, 1, 100.2) == 1  # was in the air already
    assert [pauses.next(rule, 1, now) for now in (101.0, 103.0, 107.0)] == [2, 4, 8]
    for now in range(1000, 100_000, 1000):
        assert pauses.next(rule, 1, now) <= 60
    pauses.succeeded()
    assert pauses.next(rule, 1, 200_000.0) == 1


@pytest.mark.parametrize(
    ("code", "headers", "seconds", "expected"),
    [
        (130429, {"retry-after": "17"}, 1.0, 17.0),
        (130429, {"retry-after": "0"}, 1.0, 1.0),
        (130429, {"retry-after": "99999999"}, 1.0, 86400.0),
        (130429, {"retry-after": "Sat, 21 Nov 2026 12:02:00 GMT"}, 1.0, 120.0),
        (130429, {"retry-after": "soon"}, 1.0, 1.0),
        (130429, {"retry-after": ""}, 1.0, 1.0),
        (130429, {"retry-after": " 17 "}, 1.0, 17.0),
        (130429, {"retry-after": "17.5"}, 1.0, 17.5),
        (130429, {"retry-after": "17, 20"}, 1.0, 20.0),
        (130429, {"retry-after": "-17"}, 1.0, 1.0),
        (130429, {"retry-after": "0x11"}, 1.0, 1.0),
        (130429, {"retry-after": "nan"}, 1.0, 1.0),
        (130429, {"retry-after": "inf"}, 1.0, 1.0),
        (130429, {"retry-after": "9" * 400}, 1.0, 1.0),
        (130429, {"retry-after": "Sat, 21 Nov 2026 12:02:00"}, 1.0, 120.0),
        (130429, {"retry-after": "Sat, 21 Nov 2026 12:02:00 -0000"}, 1.0, 120.0),
        (130429, {"retry-after": "Sat, 21 Nov 2026 13:02:00 +0100"}, 1.0, 120.0),
        (130429, {"retry-after": "Sat, 21 Nov 2020 12:02:00 GMT"}, 1.0, 1.0),
        (130429, {"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"}, 1.0, 86400.0),
        (130429, {"retry-after": "Sat, 21 Nov 99999 12:02:00 GMT"}, 1.0, 1.0),
        (131026, {"retry-after": "17"}, None, None),
        (131047, {"retry-after": "17"}, None, None),
        (
            80007,
            {
                "x-business-use-case-usage": '{"1":[{"type":"whatsapp",'
                '"estimated_time_to_regain_access":9}],"2":[{"call_count":1}]}'
            },
            300.0,
            540.0,
        ),
        *(
            (4, {"x-business-use-case-usage": usage}, 300.0, expected)
            for usage, expected in [
                ("nonsense", 300.0),
                ("[]", 300.0),
                ("[" * 100_000, 300.0),
                ('{"1":{"a":1}}', 300.0),
                ('{"1":[{"estimated_time_to_regain_access":"9"}]}', 300.0),
                ('{"1":[{"estimated_time_to_regain_access":-9}]}', 300.0),
                ('{"1":[{"estimated_time_to_regain_access":1e308}]}', 86400.0),
                ('{"1":[{"estimated_time_to_regain_access":%s}]}' % ("9" * 400), 86400.0),
            ]
        ),
        (
            131056,
            {"x-business-use-case-usage": '{"1":[{"estimated_time_to_regain_access":9}]}'},
            1.0,
            1.0,
        ),
    ],
)
def test_retry_after(
    code: int, headers: dict[str, str], seconds: float | None, expected: float | None
) -> None:
    assert retry_after(RULES[code], headers, seconds, NOW) == expected
