"""Time stamps: what is asked, what is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.services import Http
from gateway.stamping import StampError, read_roots, read_stamp, stamp
from tests.gateway.stampers import Answers, Stamper

URL = "https://stamps.example/tsr"
TOKEN = b"mgh1ABC"


@pytest.fixture(scope="module")
def stamper(tmp_path_factory: pytest.TempPathFactory) -> Stamper:
    return Stamper(tmp_path_factory.mktemp("stamps") / "one")


async def test_a_stamp_is_asked_for_and_checked(stamper: Stamper) -> None:
    """With the service's root it is trusted; without it only what it says of itself is known."""
    roots = read_roots(stamper.root.read_bytes())
    answer, found = await stamp(stamper, URL, TOKEN, roots)
    assert found.trusted
    assert found.by == "CN=Stamps"
    assert abs(found.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert read_stamp(answer, TOKEN, roots) == found
    assert read_stamp(answer, TOKEN) == found._replace(trusted=False)


async def test_what_a_stamp_does_not_stand_for(stamper: Stamper, tmp_path: Path) -> None:
    """Other words, another service with the same name, an answer to somebody else's request."""
    roots = read_roots(stamper.root.read_bytes())
    answer, _ = await stamp(stamper, URL, TOKEN, roots)
    for given in ((), roots):
        with pytest.raises(StampError):
            read_stamp(answer, b"mgh1XYZ", given)
    with pytest.raises(StampError, match="another request"):
        await stamp(Answers(200, answer), URL, TOKEN, roots)
    forger = Stamper(tmp_path / "forger")
    forged, _ = await stamp(forger, URL, TOKEN)
    with pytest.raises(StampError, match="does not hold"):
        read_stamp(forged, TOKEN, roots)


async def test_no_changed_byte_moves_the_time(stamper: Stamper) -> None:
    roots = read_roots(stamper.root.read_bytes())
    answer, real = await stamp(stamper, URL, TOKEN, roots)
    refused = 0
    for at in range(len(answer)):
        changed = answer[:at] + bytes([answer[at] ^ 1]) + answer[at + 1 :]
        try:
            found = read_stamp(changed, TOKEN, roots)
        except StampError:
            refused += 1
        else:
            assert found.at == real.at, f"byte {at} moves the time"
    assert refused > len(answer) * 0.9


@pytest.mark.parametrize(
    ("http", "why"),
    [
        (Answers(None), "does not answer"),
        (Answers(503), "answers with status 503"),
        (Answers(302), "answers with status 302"),
        (Answers(200, b""), "is no time stamp"),
        (Answers(200, b"<html>Sign in</html>"), "is no time stamp"),
        (Answers(200, b"\x30\x03\x02\x01\x02"), "no time stamp"),
        (Answers(200, bytes.fromhex("30053003020102")), "refuses"),
        (Answers(200, bytes.fromhex("30053003020100")), "cannot be read"),
    ],
)
async def test_answers_that_are_none(http: Http, why: str) -> None:
    with pytest.raises(StampError, match=why):
        await stamp(http, URL, TOKEN)


def test_roots_that_are_none() -> None:
    with pytest.raises(StampError, match="no certificates"):
        read_roots(b"nonsense")
