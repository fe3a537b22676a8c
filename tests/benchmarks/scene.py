"""A lean sandbox and a gateway, each a process of its own, with subscribers of up to six topics.

Several senders where the limits must not bind, because one may not be faster than 1000 a second.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from gateway.cli.reach import opened
from gateway.message import Content, Delivery, Identity, Message
from gateway_plugins.outputs.whatsapp import payloads
from tests.benchmarks.figures import cpu_seconds
from tests.wire.world import World, numbers
from tests.wire.world import feed as feed_of

SENDERS = {
    "main": "100000000000001", "second": "100000000000003", "third": "100000000000004",
    "fourth": "100000000000005", "fifth": "100000000000006", "sixth": "100000000000007",
}  # fmt: skip
TOPICS = dict(zip(("blog", "two", "three", "four", "five", "six"), SENDERS, strict=True))
"""Topic → sender."""

MORE = """
sender = "main"

[middleware.ratelimit]
per_second = {rate}
"""
ANOTHER = """
[topics.{topic}]
title    = "{topic}"
purpose  = "{topic}"
template = "blog_post"
sender   = "{sender}"

[senders.{sender}]
output          = "whatsapp"
base_url        = "http://127.0.0.1:{port}"
phone_number_id = "{number}"
account_id      = "100000000000002"
token           = {{ secret = "whatsapp-token" }}
app_secret      = {{ secret = "whatsapp-app-secret" }}
"""


FEED = """
[topics.other]
title    = "Anderes"
purpose  = "Anderes"
template = "blog_post"
[inputs.heavy]
plugin = "rss"
url    = "{url}/heavy.xml"
topic  = "other"
every  = "1s"
"""
POSTS = [(f"h{n}", f"Schwer {n}") for n in range(200)]


class Campaign(msgspec.Struct, frozen=True):
    """What one message to everybody of each topic took, as the sandbox saw it."""

    sends: int
    per_second: float
    gateway_cpu: float
    """Seconds, until the last status was answered."""


class Scene(World):
    """What the benchmarks run against.

    `people` is how many subscribe to each topic, `topics` how many there are, each with a sender
    of its own.  Webhooks of all senders come at the first one's address.  `feed`: one of 359 KB
    is read every second, and has changed each time.
    """

    def __init__(
        self,
        folder: Path,
        people: int,
        *,
        topics: int = 3,
        rate: float = 1000.0,
        more: str = "",
        statuses: bool = False,
        options: Sequence[str] = (),
        feed: bool = False,
    ) -> None:
        super().__init__(folder)
        self.quiet_feed, self.heavy_feed = feed_of(POSTS[:1]), feed_of(POSTS, pad=1600)
        if feed:
            more += FEED.format(url=self.site.url)
            self.feed(heavy=True)
        self.people = numbers(people)
        self.topics = dict(list(TOPICS.items())[:topics])
        others = [
            ANOTHER.format(
                topic=topic, sender=sender, number=SENDERS[sender], port=self.sandbox_port
            )
            for topic, sender in self.topics.items()
            if sender != "main"
        ]
        self.write_settings("".join([MORE.format(rate=rate), *others, more]))
        options = [*options, *(["--statuses"] if statuses else [])]
        for number in SENDERS.values():
            options += ["--phone-number-id", number]
        self.start_sandbox("--lean", "--rate", "100000", *options)
        self._import()
        self.start_gateway()
        with opened(self.config) as session:  # holds nothing that would have to be closed
            self._session = session
        self._sent = 0

    def _import(self) -> None:
        proof = "2025-03-02 10:15:02,blog.example/whatsapp,Ja: neue Beiträge per WhatsApp"
        rows = ["phone,topic,confirmed_at,source,wording"]
        rows += [f"{phone},{topic},{proof}" for topic in self.topics for phone in self.people]
        file = self.folder / "subscribers.csv"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        self.run("contacts", "import", str(file))

    # --- what happens in it ---------------------------------------------------------------------
    def hand_in(self, **changes: str) -> None:
        """Hand in one message, through the admin socket."""
        self._sent += 1
        values = {
            "external_id": f"b{self._sent}",
            "title": f"Neun Fragen zur Wärmepumpe, Teil {self._sent}",
            "text": "Was sie kostet, was sie spart und wann sie sich nicht lohnt.",
            "link": f"https://blog.example/waermepumpe-{self._sent}",
        }
        self._session.call("send", **(values | changes))

    def feed(self, *, heavy: bool) -> None:
        """What is read every second from now on: a big feed that changes, or a small one."""
        document = self.heavy_feed

        def changing() -> bytes:  # so that no shortcut spares the parser
            new = f"<description>{time.time()}".encode()
            return document.replace(b"<description>d", new, 1)

        self.site.documents["/heavy.xml"] = changing if heavy else self.quiet_feed

    def campaign(self) -> Campaign:
        """Send one message to everybody of each topic, and wait until all of it is over."""
        before, used = self.count(), self.gateway_cpu()
        sends = len(self.people) * len(self.topics)
        for topic in self.topics:
            self.hand_in(topic=topic)
        self.until(lambda: self.count() >= before + sends, "everybody gets it", 120)
        self.until(lambda: self.stats()["webhooks"]["pending"] == 0, "all statuses are posted", 60)
        rate = per_second(self.lines(before))
        return Campaign(sends, rate, self.gateway_cpu() - used)

    # --- looking at it --------------------------------------------------------------------------
    def stats(self) -> dict[str, Any]:
        return dict(json.loads(self.ask("GET", "/sandbox/stats")[1]))

    def count(self) -> int:
        """Return how many sends the sandbox accepted."""
        assert self.gateway is None or self.gateway.poll() is None, self.log()[-3000:]
        return int(self.stats()["received"])

    def lines(self, after: int) -> list[dict[str, Any]]:
        """Return the accepted sends after the first so many."""
        answer = self.ask("GET", f"/sandbox/received?after={after}")[1]
        return [json.loads(line) for line in answer.splitlines()]

    def gateway_cpu(self) -> float:
        assert self.gateway is not None
        return cpu_seconds(self.gateway.pid)

    def sandbox_cpu(self) -> float:
        assert self.sandbox is not None
        return cpu_seconds(self.sandbox.pid)

    def url(self, sender: str) -> str:
        """Where a sender's messages go."""
        return f"http://127.0.0.1:{self.sandbox_port}/v25.0/{SENDERS[sender]}/messages"

    def bodies(self, count: int) -> list[bytes]:
        """Return the request bodies of the last campaign's kind, each for another person."""
        with sqlite3.connect(
            f"file:{self.folder / 'gateway.sqlite'}?mode=ro", uri=True
        ) as database:
            (body,) = database.execute("SELECT body FROM contents LIMIT 1").fetchone()
        database.close()
        content = msgspec.json.decode(body, type=Content)
        return [
            payloads.body(
                Delivery(
                    id=9_000_000_000_000_000_000 + n,
                    message=Message(external_id="b"),
                    contact=n,
                    sender="main",
                    attempt=1,
                    content=content,
                    identities=(Identity("phone", phone),),
                )
            )
            for n, phone in enumerate(numbers(count))
        ]


@contextmanager
def scene(people: int, **options: Any) -> Iterator[Scene]:
    """A scene for the time of a block."""
    with TemporaryDirectory(prefix="bench-") as folder:
        made = Scene(Path(folder), people, **options)
        try:
            yield made
            assert made.stop_gateway() == 0, made.log()[-2000:]
        finally:
            made.close()


def per_second(lines: list[dict[str, Any]]) -> float:
    """The rate of sends: from the first byte of the first to the last byte of the last."""
    span = max(line["arrival"] for line in lines) - min(line["first_byte"] for line in lines)
    return (len(lines) - 1) / float(span)


def settle(seconds: float = 0.3) -> None:
    """Let what ran before come to rest."""
    time.sleep(seconds)
