"""What is written holds no numbers of people, and is still of use."""

from __future__ import annotations

import io
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.ids import new_id, show
from gateway.logs import mask_phone, masked, set_up


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root, names = logging.getLogger(), ["httpx", "httpcore"]
    handlers, level, raising = list(root.handlers), root.level, logging.raiseExceptions
    levels = {name: logging.getLogger(name).level for name in names}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    logging.raiseExceptions = raising
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("+4917139200033", "+49 171 *** 033"),
        ("4917139200033", "+49 171 *** 033"),
        ("004917139200033", "+49 171 *** 033"),
        ("+49 (171) 392-000.33", "+49 171 *** 033"),
        ("+14155552671", "+1 415 *** 671"),
        ("+79161234567", "+7 916 *** 567"),
        ("+393401234567", "+39 340 *** 567"),
        ("+3538612345678", "+353 861 *** 678"),
        ("+353861234567", "+353 861 *** 567"),
        ("+4512345678", "***"),
        ("+49171392", "***"),
        ("01713920033", "***"),
        ("", "***"),
        ("DE.13481234567890", "DE.*** 890"),
        ("US.ENT.13481234567890", "US.*** 890"),
    ],
)
def test_mask_phone(value: str, shown: str) -> None:
    assert mask_phone(value) == shown


PHONE = "+49 171 *** 033"
ID = new_id()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("to +4917139200033.", f"to {PHONE}."),
        ("to=+4917139200033,", f"to={PHONE},"),
        ("tel:+49-171-3920-0033", f"tel:{PHONE}"),
        ("+49 171 39200033 1735689600", f"{PHONE} 1735689600"),
        ("+49 (0) 171 / 39200033", "+49 017 *** 033"),
        ("004917139200033", PHONE),
        ("0049 171 39200033", PHONE),
        ("0171 39200033", "***"),
        ("(0171) 392 00 033", "***"),
        ("0171/39200033", "***"),
        ("01713920033", "***"),
        ("wa_id=4917139200033", f"wa_id={PHONE}"),
        ('{"wa_id":"4917139200033"}', f'{{"wa_id":"{PHONE}"}}'),
        ("4917139200033@s.whatsapp.net", f"{PHONE}@s.whatsapp.net"),
        ("/contacts/4917139200033", f"/contacts/{PHONE}"),
        ("contact-4917139200033", f"contact-{PHONE}"),
        ("US 14155552671", "US +1 415 *** 671"),
        ("user DE.13481234567890 left", "user DE.*** 890 left"),
        ("user US.ENT.13481234567890", "user US.*** 890"),
        ("Authorization: Bearer EAAGabc.def-123", "Authorization: Bearer ***"),
        ("token EAAGm0PX4ZCpsBAKZCwZDZD0123456789", "token ***"),
        ("?access_token=abc%7Cdef&x=1", "?access_token=***&x=1"),
    ],
)
def test_what_is_masked(text: str, written: str) -> None:
    assert masked(text) == written
    assert masked(written) == written, "twice is once"


@pytest.mark.parametrize(
    "text",
    [
        *(pytest.param(show(prefix, ID), id=f"{prefix}-ID") for prefix in "mdca"),
        "d-12345678901",
        pytest.param(f"delivery {ID}", id="delivery ID"),
        pytest.param(f"{ID}:1", id="ID:1"),
        '{"delivery":250123456789012345}',
        "wamid.HBgNNDkxNzEzOTIwMDAzMxUCABEYEjA0QjY+4917139200033/AA==",
        "at 1735689600, 1735689600123 and 1735689600123456",
        "at 1735689600.123",
        "2026-11-22T02:28:37.123456+00:00",
        "2026-11-22 02:28:37",
        "port 8080 on 127.0.0.1:45678, [::1]:45678, 192.168.100.200",
        "took 0.0001234567 s, 12345678 bytes, 123456789 rows",
        "123e4567-e89b-12d3-a456-426614174000",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "version 1.10.0, HTTP/1.1 200",
        "error 131047, 2494010",
        "IO.TextIOWrapper, DE.strasse",
        "+00:00 +1 -1 100%",
        "",
    ],
)
def test_what_is_left_alone(text: str) -> None:
    assert masked(text) == text


def lines(caught: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in caught.getvalue().splitlines()]


def test_json_lines() -> None:
    caught = io.StringIO()
    set_up("debug", stream=caught, environ={})
    log = logging.getLogger("gateway.test")
    log.info("sent %s to %s", "m-1", "+4917139200033", extra={"delivery": ID, "attempt": 1})
    log.warning("odd", extra={"to": 4917139200033, "level": "own", "some": ("4917139200033", None)})
    log.debug("%d", "no number")
    try:
        raise ValueError("no contact +4917139200033")
    except ValueError:
        log.exception("crashed\nhere")
    first, odd, unfit, crash = lines(caught)
    assert first.pop("at").endswith("+00:00")
    assert first == {
        "level": "info", "logger": "gateway.test", "message": f"sent m-1 to {PHONE}",
        "delivery": ID, "attempt": 1,
    }  # fmt: skip
    assert (odd["to"], odd["level"]) == (PHONE, "warning")
    assert odd["some"] == f"('{PHONE}', None)"
    assert unfit["message"] == "%d (its arguments do not fit)"
    assert crash["message"] == "crashed\nhere"
    assert f"ValueError: no contact {PHONE}" in crash["error"]
    assert "4917139200033" not in caught.getvalue()


def test_a_traceback_has_a_length() -> None:
    caught = io.StringIO()
    set_up(stream=caught, environ={})
    logging.getLogger().error("crash", exc_info=ValueError("x" * 100_000))
    assert len(caught.getvalue()) < 20_000


def test_the_journal_gets_priorities() -> None:
    read, write = os.pipe()
    with os.fdopen(read) as result, os.fdopen(write, "w") as stream:
        status = os.fstat(write)
        set_up(
            "debug", stream=stream, environ={"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        )
        for level in (10, 20, 25, 30, 40, 50):
            logging.getLogger("gateway").log(level, "x")
        found = [result.readline() for _ in range(6)]
        assert [line[:3] for line in found] == ["<7>", "<6>", "<6>", "<4>", "<3>", "<2>"]
        assert json.loads(found[0][3:])["message"] == "x"
        set_up(stream=stream, environ={"JOURNAL_STREAM": "1:2"})  # the parent's, not ours
        logging.getLogger("gateway").info("x")
        assert result.readline().startswith("{")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_gets_readable_lines() -> None:
    caught = Terminal()
    set_up(stream=caught, environ={})
    logging.getLogger("gateway").info("sent to %s", "+4917139200033", extra={"code": "ok"})
    (line,) = caught.getvalue().splitlines()
    assert line[8:] == f" INFO    gateway: sent to {PHONE}  code=ok"


def test_libraries_that_write_urls_are_quiet() -> None:
    caught = io.StringIO()
    set_up("info", stream=caught, environ={})
    for name in ("httpx", "httpcore.http11"):
        logging.getLogger(name).info("HTTP Request: POST https://host/?access_token=x")
    assert caught.getvalue() == ""
    logging.getLogger("httpx").warning("odd")
    assert len(lines(caught)) == 1


def test_a_wrong_level_is_refused() -> None:
    with pytest.raises(ValueError, match="LOUD"):
        set_up("loud", stream=io.StringIO(), environ={})
