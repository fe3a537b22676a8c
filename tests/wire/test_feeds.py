"""A feed that floods, a feed that is gone: what subscribers get, and what a person decides."""

from __future__ import annotations

import re
from collections import Counter

from tests.wire.world import BLOG, World, feed, numbers

PEOPLE = 2


def post(number: int) -> tuple[str, str]:
    return str(number), f"Beitrag {number} des Blogs"


def posts(world: World) -> Counter[str]:
    """How often each post was received, by its number."""
    links = (re.search(r"blog\.example/(\d+)", line["text"]) for line in world.received())
    return Counter(link[1] for link in links if link)


def test_a_flood_waits_and_a_person_decides(world: World) -> None:
    """Of eight new posts at once three go; one is released, the others never come."""
    world.write_settings(BLOG.format(url=world.site.url))
    old = [post(n) for n in range(109, 99, -1)]
    world.site.documents["/feed.xml"] = feed(old)
    world.start_sandbox()
    world.import_contacts(numbers(PEOPLE))
    world.start_gateway()
    world.until(lambda: world.data("feeds")["blog"]["found"] == 10, "the feed is read")
    assert world.run("feeds").returncode == 0

    world.site.documents["/feed.xml"] = feed([post(n) for n in range(117, 109, -1)] + old)
    world.until(lambda: len(posts(world)) >= 3, "the newest arrive")
    world.until(lambda: world.data("feeds")["blog"]["waiting"] == 5, "the others wait")
    assert "waiting  5 · gateway feeds release blog" in world.run("feeds", "show", "blog").stdout
    assert world.run("feeds", check=False).returncode == 1
    assert world.run("status", check=False).returncode == 1

    world.run("feeds", "release", "blog", "--newest", "1", "--yes")
    world.until(lambda: posts(world)["114"] == PEOPLE, "the released one arrives")
    assert "refused: 4" in world.run("feeds", "refuse", "blog", "--yes").stdout
    before = world.site.fetches["/feed.xml"]
    world.until(lambda: world.site.fetches["/feed.xml"] >= before + 2, "it is read again")
    assert posts(world) == dict.fromkeys(("114", "115", "116", "117"), PEOPLE)
    assert world.run("feeds").returncode == 0
    assert world.stop_gateway() == 0
    assert world.data("feeds")["blog"]["found"] == 18  # read from disk


def test_a_feed_that_is_gone_says_so(world: World) -> None:
    """404 is tried again, by a person at once; status names the feed and its trouble."""
    world.write_settings(BLOG.format(url=world.site.url))
    world.site.documents["/feed.xml"] = feed([post(1)])
    world.start_sandbox()
    world.import_contacts(numbers(PEOPLE))
    world.start_gateway()
    world.until(lambda: world.data("feeds")["blog"]["found"] == 1, "the feed is read")
    del world.site.documents["/feed.xml"]
    world.until(lambda: world.data("feeds")["blog"]["state"] == "fails", "it fails")
    assert "blog fails since" in world.run("status", check=False).stdout
    assert "HTTP 404" in world.run("feeds", check=False).stdout
    world.site.documents["/feed.xml"] = feed([post(2), post(1)])
    assert " ok " in world.run("feeds", "poll", "blog").stdout
    world.until(lambda: posts(world)["2"] == PEOPLE, "the new post arrives")
    assert world.run("feeds", "show", "nobody", check=False).returncode == 2
