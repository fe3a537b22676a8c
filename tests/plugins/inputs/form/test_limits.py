"""Limits, and whom a request is from."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from gateway_plugins.inputs.form.limits import Sliding, networks, per_visitor, visitor

OURS = networks(("127.0.0.0/8", "::1", "10.1.0.0/16"))


def test_a_window_slides() -> None:
    limit = Sliding(2, 60)
    assert [limit.wait("a", at) for at in (0, 10, 20, 59)] == [0, 0, 40, 1]
    assert limit.wait("b", 20) == 0
    assert limit.wait("a", 60) == 0, "the first is a minute old"
    assert limit.wait("a", 61) == 9


def test_memory_is_bounded() -> None:
    limit = Sliding(2, 60, keys=100)
    for address in range(10_000):
        limit.wait(str(address), 0)
    assert len(limit) == 100


def asked(peer: str | None, *forwarded: str) -> str:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    client = (peer, 1) if peer is not None else None
    return visitor(Request({"type": "http", "headers": headers, "client": client}), OURS)


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["203.0.113.9"], "192.0.2.7"),  # a stranger claims to be a proxy
        ("127.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1, 203.0.113.9"], "203.0.113.9"),  # the left end is a claim
        ("127.0.0.1", ["198.51.100.1, 203.0.113.9, 10.1.2.3"], "203.0.113.9"),
        ("127.0.0.1", ["198.51.100.1", "203.0.113.9"], "203.0.113.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        (None, ["203.0.113.9"], "203.0.113.9"),  # a unix socket
        (None, [], ""),
        ("::ffff:127.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("127.0.0.1", ["<script>"], ""),
        ("127.0.0.1", ["203.0.113.9, unknown"], ""),
        ("127.0.0.1", [", ,"], ""),
    ],
)
def test_whom_a_request_is_from(peer: str | None, forwarded: list[str], found: str) -> None:
    assert asked(peer, *forwarded) == found


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_by_what_a_visitor_is_counted(address: str, counted: str) -> None:
    assert per_visitor(address) == counted
