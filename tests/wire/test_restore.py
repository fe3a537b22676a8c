"""A backup is put back: who stopped since gets nothing, and nobody gets a second copy.

One post is accepted before the backup and half sent, one is accepted after it.  Then people stop,
a thousand sends go out, and the database is lost.
"""

from __future__ import annotations

import time
from collections import Counter

from tests.wire.world import BLOG, World, feed, numbers, query

PEOPLE = 1_200
SENDS = 1_000
"""Sends between the backup and the loss."""
AIR = 256  # most requests of a fast sender at a time: gateway/delivery.py FAST
LATE = 3
"""People of a list that is imported after the backup, and again after the restore."""
STOPPING = 5

PACE = """
[middleware.ratelimit]
per_second = 300.0
"""


def test_after_a_restore_nobody_is_written_to_twice_or_against_their_will(world: World) -> None:
    """0 sends to those who stopped, 0 second copies; the rest goes out once, after `resume`."""
    people, late = numbers(PEOPLE), numbers(LATE, 900_000)
    file = world.folder / "copy.sqlite"
    world.write_settings(BLOG.format(url=world.site.url) + PACE)
    world.site.documents["/feed.xml"] = feed([("1", "Alt")])
    world.start_sandbox("--rate", "1000")
    world.import_contacts(people)
    world.start_gateway()
    world.until(lambda: world.site.fetches.get("/feed.xml", 0) >= 2, "the feed is read")

    world.site.documents["/feed.xml"] = feed([("2", "Davor"), ("1", "Alt")])
    world.until(lambda: len(world.received()) >= 100, "the first post is on its way")
    told = world.data("backup", str(file))
    assert told["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o777 == 0o600
    before = len(world.received())
    assert before < PEOPLE, "the backup came too late: the first post is through"

    world.import_contacts(late)
    for phone in late[1:]:
        world.say(phone, "STOP")
    stopped = people[-STOPPING:]
    for phone in stopped:
        world.say(phone, "STOP")
    world.site.documents["/feed.xml"] = feed([("3", "Danach"), ("2", "Davor"), ("1", "Alt")])
    world.until(lambda: posts(world).total() >= before + SENDS, "a thousand sends", 60)
    world.kill_gateway()
    world.until(lambda: settled(world), "what was in the air has landed")
    sent = posts(world)
    assert max(sent.values()) == 1
    withdrawn = {*stopped, *late[1:]}

    told = world.data("restore", str(file))
    assert told["withdrawals"] == len(withdrawn), told
    assert told["sends"] >= sum(sent.values()) - before, told
    read = world.site.fetches["/feed.xml"]
    world.start_gateway()
    held = world.data("status")["stops"]["marketing"]
    assert [cause["code"] for cause in held["causes"]] == ["restored"], held
    assert f"gave back {len(withdrawn)} withdrawals" in held["reason"], held
    world.until(lambda: world.site.fetches["/feed.xml"] >= read + 2, "the feed is read again")
    world.until(lambda: posted(world) == 2, "both posts are there again")
    world.import_contacts(late)
    world.until(lambda: open_messages(world) == 0, "all posts have their deliveries", 30)
    assert posts(world) == sent, "something was sent while marketing was held"

    world.run("resume")
    world.until(lambda: waiting(world) == 0, "the rest goes out", 60)
    after = posts(world)
    assert max(after.values()) == 1, "somebody got a second copy"
    assert not {person for person, _ in after - sent} & withdrawn, "somebody had stopped"
    entitled = set(people) - withdrawn
    for title in ("Davor", "Danach"):
        reached = {person for person, post in after if post == title}
        missing = entitled - reached
        assert len(missing) <= AIR, f"{len(missing)} did not get {title}"
        assert all(unknown(world, person) for person in missing)
    known = {person for (person,) in query(world, "SELECT value FROM identities")}
    assert known & set(late) == {late[0]}, "a list brings back who did not stop, and nobody else"
    print({"sent before": sum(sent.values()), "sent after": (after - sent).total()})


def posts(world: World) -> Counter[tuple[str, str]]:
    """Return how often who got which post."""
    found: Counter[tuple[str, str]] = Counter()
    for line in world.received():
        text = str(line)
        for title in ("Davor", "Danach"):
            if title in text:
                found[line["contact"], title] += 1
    return found


def settled(world: World) -> bool:
    """Return whether the sandbox has received nothing more for a moment."""
    before = len(world.received())
    time.sleep(0.3)
    return len(world.received()) == before


def open_messages(world: World) -> int:
    """Return how many posts have not all their deliveries yet."""
    return int(query(world, "SELECT count(*) FROM messages WHERE state <> 'started'")[0][0])


def posted(world: World) -> int:
    """Return how many posts were accepted."""
    return int(query(world, "SELECT count(*) FROM messages WHERE input <> 'send'")[0][0])


def waiting(world: World) -> int:
    """Return how many deliveries may still go."""
    return int(query(world, "SELECT count(*) FROM deliveries WHERE state < 5")[0][0])


def unknown(world: World, person: str) -> bool:
    """Return whether a send to somebody was in the air when the gateway was killed."""
    rows = query(
        world,
        "SELECT 1 FROM deliveries d JOIN identities i USING (contact_id)"
        f" WHERE i.value = '{person}' AND (d.state = 5 OR d.code = 'sent_before')",
    )
    return bool(rows)
