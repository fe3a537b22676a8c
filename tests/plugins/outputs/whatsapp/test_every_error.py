"""Every error code, as an answer and in a webhook: what becomes of the delivery, what else stops,
when it goes again, and what the metrics say.

The table is written down here once more, by hand: what codes.py says is compared with it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gateway_plugins.outputs.whatsapp.codes import RULES, rule_for
from tests.plugins.outputs.whatsapp.errors_world import World, open_world

UNLISTED = 999999
DAY = 86400.0


class Row(NamedTuple):
    """What is expected of some codes."""

    codes: str
    state: str
    due: float | None = None
    """Seconds until it goes again; None: it waits for something else than time."""
    pauses: dict[str, list[float]] = {}
    stopped: tuple[str, ...] = ()
    cause: str = ""
    """Why the message is paused, and with it its other delivery; `=`: the code's own name."""
    slowed: bool = False
    consent: str = "confirmed"
    counted: bool = False


BOTH = ("wa", "wb")
TABLE = [
    Row("131056", "queued", 1.0),
    Row("130429", "queued", 1.0, pauses={"wa": [1.0]}, slowed=True),
    Row("4 80007", "queued", 300.0, pauses={"wa": [300.0], "wb": [300.0]}),
    Row("132069", "queued", 360.0),
    Row("131208 613", "queued", 60.0),
    Row("1 131000 134102 139102 139103 133004", "queued", 5.0),
    Row("2 131016", "queued", 5.0, pauses={"wa": [5.0]}),
    Row("131057", "queued", 60.0, pauses={"wa": [60.0]}),
    Row("131053", "queued", 10.0),
    Row("134101", "queued", 600.0),
    Row("131047", "queued", 1.0),
    Row("131049", "queued", DAY, counted=True),
    Row("131026", "failed", counted=True),
    Row("131050", "failed", consent="withdrawn"),
    Row("999999", "failed"),
    Row("130403 130472 130497 131021 131030 131062 137000", "failed"),
    Row("""131020 131041 131059 131201 131202 131204 131209 131210 131211 131212 131213 131207 131214
           131215 1752041 131052 131060""", "failed"),
    Row("""2388019 2388040 2388047 2388073 2388293 2388299 2388318 2388330 2593107 2593108 147001
           147002 147003 147004 147005 139000 139001 139002 139003 139004 139100 139101 131044 138000
           138007""", "failed"),
    Row("100 131008 131009 131014 131051 132005 132007 135000", "held", cause="="),
    Row("131055 131063 132000 132001 132008 132012 132018 132068 134100 139200", "held", cause="="),
    Row("132015 131064", "paused", cause="template_paused"),
    Row("132016", "paused", cause="template_gone"),
    Row("0 10 33 190 200 207 2500 131005 131037 131045 131048 133010", "queued", stopped=("wa",)),
    Row("""133000 133005 133006 133008 133009 133015 133016 2388012 2388091 2388093 2388103 2494100""",
        "queued", stopped=("wa",)),
    Row("3 368 131031 131042 134011", "queued", stopped=BOTH),
]  # fmt: skip
EACH = [(int(code), row) for row in TABLE for code in row.codes.split()]


def test_the_table_has_every_code_once() -> None:
    codes = [code for code, _ in EACH]
    assert len(codes) == len(set(codes))
    assert set(RULES) <= set(codes)
    assert {code for code in codes if code not in RULES} == {UNLISTED, 207, 138007}


async def look(world: World, code: int, row: Row) -> None:
    """Compare what happened with what is expected."""
    found, name = await world.found(), rule_for(code).name
    stops = [(f"sender:{sender}", name) for sender in row.stopped]
    cause = name if row.cause == "=" else row.cause
    assert (found.state, found.other) == (row.state, "paused" if cause else "queued")
    assert (found.stops, found.cause, found.pauses) == (stops, cause, row.pauses)
    assert found.consent == row.consent
    assert found.rate == (40.0 if row.slowed else None)
    assert found.troubles == ([(name, 1)] if row.counted else [])
    if row.due is not None:
        assert found.due == pytest.approx(row.due, abs=0.01)
    for sender in BOTH:
        stopped = world.value(world.metrics.sender_stopped, sender, name)
        assert stopped == (1.0 if sender in row.stopped else 0.0)
    # Nothing more of a stopped sender, or of a paused message, is leased; of the others it is.
    world.house.now += 10
    leased = {one.contact for one in await world.house.lease()}
    blocked = bool(row.stopped or cause)
    assert (world.second in leased) is not blocked


@pytest.mark.parametrize(("code", "row"), EACH, ids=[str(code) for code, _ in EACH])
async def test_an_answer(tmp_path: Path, settings: Any, code: int, row: Row) -> None:
    async with open_world(tmp_path, settings) as world:
        await world.begin()
        await world.refused(code)
        unknown = code == 131000
        await look(world, code, row._replace(state="unknown", due=None) if unknown else row)
        outcome, name = "unknown" if unknown else "failed", rule_for(code).name
        assert world.value(world.metrics.attempts, "wa", outcome, name) == 1.0


@pytest.mark.parametrize(("code", "row"), EACH, ids=[str(code) for code, _ in EACH])
async def test_a_status(tmp_path: Path, settings: Any, code: int, row: Row) -> None:
    async with open_world(tmp_path, settings) as world:
        await world.begin()
        await world.reported(code)
        await look(world, code, row)
        assert world.value(world.metrics.attempts, "wa", "accepted", "") == 1.0
        assert world.value(world.metrics.failures, "wa", rule_for(code).name) == 1.0


# code, seconds until each next try (the tenth part of what the table says), what is left at the end
TRIES: list[tuple[int, list[float], str]] = [
    (131056, [0.1, 0.4, 1.6, 6.4, 6.4], "failed"),
    (131053, [1.0, 3.0], "held"),
    (134101, [60.0, 60.0], "held"),
    (134102, [0.5, 1.0, 2.0, 4.0], "failed"),
    (1, [0.5], "failed"),
    (131208, [6.0, 12.0, 24.0, 48.0, 96.0, 192.0, 360.0], "held"),
]


WAYS = [(*tries, sync) for tries in TRIES for sync in (True, False)]
WAYS.append((131000, [0.5, 1.0, 2.0, 4.0], "failed", False))  # an answer with it is unknown


@pytest.mark.parametrize(
    ("code", "waits", "end", "sync"),
    WAYS,
    ids=[f"{code} {'answer' if sync else 'status'}" for code, _, _, sync in WAYS],
)
async def test_pauses_grow_and_end(
    tmp_path: Path, settings: Any, code: int, waits: list[float], end: str, sync: bool
) -> None:
    """As the table says, times `[delivery] backoff`, here a tenth."""
    async with open_world(tmp_path, settings, backoff=0.1) as world:
        await world.begin()
        seen = []
        for _ in range(len(waits) + 1):
            await (world.refused(code) if sync else world.reported(code))
            found = await world.found()
            if found.state != "queued":
                break
            seen.append(found.due)
            world.house.now += int(found.due * 1e6) + 1_000_000
            leased = [one for one in await world.house.lease() if one.contact == world.first]
            assert leased
            world.delivery = await world.again(leased[0])
        assert found.state == end
        assert seen == pytest.approx(waits, abs=0.01)


async def test_a_closed_window_is_left_to_the_template(tmp_path: Path, settings: Any) -> None:
    """Meta's time counts: free text was refused, the same message goes by its template."""
    async with open_world(tmp_path, settings) as world:
        await world.begin(window=True)
        assert world.delivery.content.form == "text"
        await world.refused(131047)
        found = await world.found()
        assert (found.state, found.window) == ("queued", False)
        world.house.now += 2_000_000
        (delivery,) = [one for one in await world.house.lease() if one.contact == world.first]
        assert delivery.content.form == "template"


async def test_a_late_status_closes_no_newer_window(tmp_path: Path, settings: Any) -> None:
    async with open_world(tmp_path, settings) as world:
        await world.begin(window=True)
        await world.reported(1)  # whatever it is: the attempt is over
        await world.webhook(131047, late=3 * 86400)
        assert (await world.found()).window


async def test_a_status_of_hours_ago_stops_nobody(tmp_path: Path, settings: Any) -> None:
    """What was wrong then says nothing about now; the next send would tell."""
    async with open_world(tmp_path, settings) as world:
        await world.begin()
        await world.reported(131026)
        for code in (131042, 130429, 2):
            await world.webhook(code, late=2 * 3600)
        found = await world.found()
        assert (found.stops, found.pauses, found.rate) == ([], {}, None)


@pytest.mark.parametrize(
    ("code", "details", "state", "cause"),
    [
        (131009, "Recipient phone number is not valid", "failed", ""),
        (100, "The parameter to is required.", "failed", ""),
        (131008, "Parameter 'to' is missing", "failed", ""),
        (100, "Invalid phone_number_id", "held", "bad_parameter"),
        (100, "template['components'] is wrong", "held", "bad_parameter"),
        (131008, "Required parameter is missing: body", "held", "parameter_missing"),
    ],
)
async def test_one_bad_number_does_not_stop_the_message(
    tmp_path: Path, settings: Any, code: int, details: str, state: str, cause: str
) -> None:
    """A parameter that is the message's own stops it as a whole, and the reason says which."""
    async with open_world(tmp_path, settings) as world:
        await world.begin()
        await world.refused(code, details)
        found = await world.found()
        assert (found.state, found.cause) == (state, cause)
        if cause:
            (reason,) = world.rows("SELECT pause_reason FROM messages")[0]
            assert details in reason
            assert RULES[code].advice in reason


async def test_a_webhook_that_comes_twice_changes_nothing_more(
    tmp_path: Path, settings: Any
) -> None:
    """It was not answered, and Meta repeats it: each effect is there once."""
    async with open_world(tmp_path, settings) as world:
        await world.begin()
        await world.reported(131042)
        once = await world.found()
        told_at = world.told_at
        await world.webhook(131042)
        world.told_at = told_at
        assert await world.found() == once
        assert world.value(world.metrics.sender_stopped, "wb", "payment") == 1.0
