"""The disk fills, or somebody holds the database, while a campaign runs: what is new is refused,
nothing is lost or sent twice, STOP is heard, and it goes on by itself.  A real small file system and
real processes."""

from __future__ import annotations

import http.client
import json
import signal
import time
from collections import Counter
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.gateway.store.test_faults import held
from tests.small_disk import SmallDisk, small_disk
from tests.wire.world import World, numbers, query, worst_window

SUBSCRIBERS = 300
RATE = 40
LEAVERS = 5
TOKEN = "a-token-of-the-shop"

MORE = """
[store]
path = "{database}"
reserve = "2MB"
[inputs.api.tokens]
shop = {{ secret = "api-shop" }}
[middleware.ratelimit]
per_second = {rate}
"""


@pytest.fixture
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> SmallDisk:
    return small_disk(request, tmp_path / "disk", 24)


def campaign(world: World, database: Path) -> list[str]:
    """Start everything, and a message to all subscribers; returns their numbers."""
    world.write_settings(MORE.format(database=database, rate=RATE), chain=("consent", "ratelimit"))
    (world.folder / "secrets" / "api-shop").write_text(TOKEN)
    if database.parent != world.folder:  # where query() looks
        (world.folder / "gateway.sqlite").symlink_to(database)
    people = numbers(SUBSCRIBERS)
    world.start_sandbox("--delays", "0.05,0.1,0.2")
    world.import_contacts(people)
    world.start_gateway()
    words = ("--title", "Neu", "--text", "Hallo", "--link", "https://blog.example/1")
    world.run("send", "--topic", "blog", "--id", "1", *words)
    world.until(lambda: len(posts(world)) >= RATE, "the campaign runs")
    return people


def posts(world: World) -> list[str]:
    """Return who got the message, in order."""
    return [line["contact"] for line in world.received() if line["type"] == "template"]


def hand_in(world: World, key: str) -> int:
    """Hand in a message at the JSON API, as a shop does; returns the status."""
    connection = http.client.HTTPConnection("127.0.0.1", world.public, timeout=10)
    body = json.dumps({"external_id": key, "topic": "blog", "text": "Neu"})
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    try:
        connection.request("POST", "/in/api/messages", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def ailment(world: World) -> str:
    """What the metrics say ails the store; "" for nothing."""
    with urlopen(f"http://127.0.0.1:{world.metrics}/metrics") as page:
        lines = page.read().decode().splitlines()
    ails = [line for line in lines if line.startswith("gateway_store_ailment{")]
    assert ails, "the metric is there"
    return "".join(line.split('"')[1] for line in ails if line.endswith(" 1.0"))


def still(world: World) -> int:
    """Wait until nothing more goes out; returns how many got it."""
    before, now = -1, len(posts(world))
    while before != now:
        time.sleep(1.0)
        before, now = now, len(posts(world))
    return now


def ended(world: World) -> bool:
    return query(world, "SELECT count(*) FROM deliveries WHERE state < 5") == [(0,)]


def leaving(world: World, people: list[str]) -> list[str]:
    """Let some who have not got it yet say STOP, and be answered."""
    leavers = [phone for phone in people if phone not in set(posts(world))][-LEAVERS:]
    for phone in leavers:
        assert world.say(phone, "STOP")["status"] == 200
    return leavers


def all_got_it_once(world: World, people: list[str], leavers: list[str]) -> None:
    got = Counter(posts(world))
    assert max(got.values()) == 1, "somebody got it twice"
    assert not set(leavers) & set(got), "somebody who wrote STOP got it"
    assert set(got) == set(people) - set(leavers), "somebody got nothing"


def test_the_disk_fills_while_a_campaign_runs(world: World, disk: SmallDisk) -> None:
    people = campaign(world, disk.path / "gateway.sqlite")
    disk.fill()
    world.until(lambda: ailment(world) == "full", "it is noticed")
    sent = still(world)
    assert RATE <= sent < SUBSCRIBERS - LEAVERS, "sending stops"
    assert hand_in(world, "new") == 503
    assert world.get(world.metrics, "/health") == 503
    status = world.run("status", check=False)
    assert status.returncode == 2
    assert "the disk with the database is full" in status.stdout
    leavers = leaving(world, people)
    assert len(posts(world)) == sent
    assert query(world, "SELECT count(*) FROM deliveries WHERE state = 2") == [(0,)], "all settled"

    disk.clear()
    world.until(lambda: ailment(world) == "", "there is room again")
    assert world.get(world.metrics, "/health") == 200
    world.until(lambda: ended(world), "the campaign ends", 60)
    all_got_it_once(world, people, leavers)
    assert hand_in(world, "new") == 201
    assert query(world, "SELECT count(*) FROM messages WHERE kind = 'marketing'") == [(2,)]


def test_killed_and_started_on_a_full_disk(world: World, disk: SmallDisk) -> None:
    """The log of the database needs room to be read: the reserve has it.  STOPs are heard."""
    people = campaign(world, disk.path / "gateway.sqlite")
    disk.fill()
    world.kill_gateway()
    disk.fill()
    world.start_gateway(wait=False)

    def eaten() -> bool:
        disk.fill()  # a log that was emptied at the start leaves room, too
        return world.get(world.metrics, "/health") == 503

    world.until(eaten, "it runs, and is not well")
    world.until(lambda: ailment(world) == "full", "it says why")
    leavers = leaving(world, people)
    sent = still(world)
    disk.clear()
    world.until(lambda: ended(world), "the campaign ends", 60)
    got = Counter(posts(world))
    assert sent < SUBSCRIBERS - LEAVERS
    assert max(got.values()) == 1, "somebody got it twice"
    assert not set(leavers) & set(got), "somebody who wrote STOP got it"
    ((unknown,),) = query(world, "SELECT count(*) FROM deliveries WHERE state = 5")
    assert len(got) >= SUBSCRIBERS - LEAVERS - unknown, "somebody got nothing, and nobody knows"


def test_somebody_holds_the_database_while_a_campaign_runs(world: World, tmp_path: Path) -> None:
    """A shell with an open transaction, say: refused after some seconds, then at once."""
    database = tmp_path / "gateway.sqlite"
    people = campaign(world, database)
    with held(database) as holder:
        world.until(lambda: ailment(world) == "locked", "it is noticed")
        assert hand_in(world, "new") == 503
        assert world.get(world.metrics, "/health") == 503
        assert "another process holds the lock" in world.run("status", check=False).stdout
        sent = still(world)
        assert RATE <= sent < SUBSCRIBERS
        holder.let_go()
    world.until(lambda: ailment(world) == "", "the lock is gone")
    leavers = leaving(world, people)
    world.until(lambda: ended(world), "the campaign ends", 60)
    all_got_it_once(world, people, leavers)


def test_suspended_and_woken(world: World, tmp_path: Path) -> None:
    """A process that stood still makes up for nothing: no second holds more than allowed."""
    people = campaign(world, tmp_path / "gateway.sqlite")
    assert world.gateway is not None
    for _ in range(2):
        world.gateway.send_signal(signal.SIGSTOP)
        time.sleep(2.5)
        world.gateway.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    world.until(lambda: ended(world), "the campaign ends", 60)
    all_got_it_once(world, people, [])
    sent = "SELECT first_byte FROM attempts WHERE first_byte IS NOT NULL"
    times = [at / 1e6 for (at,) in query(world, sent)]
    assert len(times) == SUBSCRIBERS
    assert worst_window(times) <= RATE
    arrived = [line["first_byte"] for line in world.received() if line["type"] == "template"]
    assert worst_window(arrived) <= RATE + 2  # as everywhere: the way there is not ours


def refused(world: World) -> str:
    """Start the gateway, which must refuse; returns the one sentence that says why."""
    world.start_gateway(wait=False)
    assert world.gateway is not None
    assert world.gateway.wait(30) == 2
    lines = world.log().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_disk_that_may_only_be_read_at_the_start(world: World, disk: SmallDisk) -> None:
    database = disk.path / "gateway.sqlite"
    world.write_settings(MORE.format(database=database, rate=RATE), chain=("consent", "ratelimit"))
    (world.folder / "secrets" / "api-shop").write_text(TOKEN)
    world.start_gateway()
    assert world.stop_gateway() == 0
    (world.folder / "gateway.log").unlink()
    disk.read_only()
    assert refused(world) == f"cannot write {database}.lock: Read-only file system"


def test_a_database_that_is_held_or_damaged_at_the_start(world: World) -> None:
    """Each time one sentence with the file, and what to do; nothing of the file is touched."""
    database = world.folder / "gateway.sqlite"
    world.write_settings()
    with held(database):
        assert refused(world).startswith(f"{database}: another process holds the lock")
    letter = b"This is a letter, and no database at all. " * 100
    for file in world.folder.glob("gateway.sqlite*"):
        if file.is_file():
            file.unlink()
    database.write_bytes(letter)
    (world.folder / "gateway.log").unlink()
    why = refused(world)
    assert why.startswith(f"{database}: the database is damaged")
    assert "gateway restore" in why
    assert database.read_bytes() == letter
