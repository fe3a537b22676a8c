"""`gateway feeds`: the table at two widths, posts as they would be sent, and what may wait."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from click.testing import CliRunner

from gateway.http import open_client
from gateway_plugins.inputs.feed import cli, page
from gateway_plugins.inputs.feed.memory import Memory, Shown
from gateway_plugins.inputs.feed.reporting import row
from gateway_plugins.inputs.feed.settings import RssConfig
from gateway_plugins.inputs.feed.wire import Wishes
from tests.plugins.inputs.feed.scripted import URL, feed, item

NOW = datetime(2026, 11, 21, 18, 41, tzinfo=UTC).timestamp()
MINUTE, HOUR, DAY = 60, 3600, 86_400
POST = Shown(
    "known", "Neun Fragen zur Wärmepumpe", "Was kostet sie? Und was spart sie?",
    "https://blog.example/9/", "https://blog.example/9.jpg", int((NOW - HOUR) * 1e6),
    ("WhatsApp", "Technik"),
)  # fmt: skip
BLOG = Memory(
    URL, due=NOW + 10 * MINUTE, fetched=True, read_at=NOW - 5 * MINUTE, note="unchanged",
    title="Beispielblog", found=25, new=1, known=24, new_at=NOW - 2 * DAY,
    wishes=Wishes(seconds=HOUR),
)  # fmt: skip
FAILS = BLOG.replace(
    failures=4, failing_since=NOW - 2 * HOUR, trouble="HTTP 404: there is nothing at its address"
)
MOVED = BLOG.replace(address="https://new.example/feed/", note="nothing new")
GONE = FAILS.replace(stopped=True, trouble="HTTP 410: it was taken away for good")


def message(number: int, **changes: Any) -> dict[str, Any]:
    told = {"number": number, "input": "blog", "state": "held", "until": None, "code": "doubted"}
    return {**told, "title": f"Beitrag {number}", **changes}


class Gateway:
    """What a command of a plugin gets of the gateway, with feeds that stand still."""

    def __init__(self, **feeds: Memory) -> None:
        self.feeds = feeds
        self.running = True
        self.messages: list[dict[str, Any]] = []
        self.called: list[tuple[str, Any]] = []
        inputs = {label: SimpleNamespace(plugin="rss") for label in feeds}
        self.config = SimpleNamespace(
            inputs={**inputs, "crm": SimpleNamespace(plugin="crm")},
            company=SimpleNamespace(time_zone="Europe/Berlin"),
        )

    @contextmanager
    def opened(self) -> Iterator[Gateway]:
        yield self

    def call(self, operation: str, **arguments: Any) -> Any:
        self.called.append((operation, arguments))
        match operation:
            case "plugin":
                assert arguments["command"] in ("feed", "poll")
                config = RssConfig(url=URL, topic="blog")
                return row(config, self.feeds[arguments["label"]], [POST] * 5)
            case "message_list":
                return self.messages[::-1]
            case "message_set":
                return {}
        raise AssertionError(operation)

    def http(self) -> Any:
        return open_client()


def run(gateway: Any, *arguments: str, input: str = "") -> tuple[int, str]:
    result = CliRunner().invoke(cli.feeds, list(arguments), obj=gateway, input=input)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(NOW, tz)

    monkeypatch.setattr(cli, "datetime", Clock)


def test_all_feeds_on_a_wide_page() -> None:
    gateway = Gateway(blog=BLOG, presse=FAILS, alt=MOVED, archiv=GONE, neu=Memory(URL))
    gateway.messages = [message(7), message(8), message(9, code="approval"), message(10, until=1)]
    code, shown = run(gateway)
    assert code == 1
    assert shown.splitlines() == [
        "FEED    STATE     READ   NEXT   FOUND  NEW  KNOWN  WAIT  NOTE",
        "presse  FAILS     19:36  19:51     25    1     24     0"
        "  HTTP 404: there is nothing at its address, 4 times since 17:41",
        "archiv  STOPPED   19:36  –         25    1     24     0"
        "  HTTP 410: it was taken away for good, 4 times since 17:41",
        "blog    ok        19:36  19:51     25    1     24     2  unchanged",
        "alt     ok        19:36  19:51     25    1     24     0"
        "  nothing new, moved to https://new.example/feed/: change url",
        "neu     not read  –      –          0    0      0     0",
    ]


def test_a_note_that_does_not_fit_stands_below(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "columns", lambda: 80)
    _, shown = run(Gateway(blog=FAILS, alt=BLOG))
    assert shown.splitlines()[1:] == [
        "blog  FAILS  19:36  19:51     25    1     24     0",
        "    HTTP 404: there is nothing at its address, 4 times since 17:41",
        "alt   ok     19:36  19:51     25    1     24     0  unchanged",
    ]


@pytest.mark.parametrize("wide", [80, 120])
def test_no_line_is_longer_than_the_page(wide: int) -> None:
    times = page.Times(datetime.fromtimestamp(NOW, UTC), UTC)
    config = RssConfig(url=URL, topic="blog")
    old = MOVED.replace(read_at=NOW - 400 * DAY, note="Wort " * 60, title="x" * 300)
    rows = {
        "ein-langer-name-der-zu-lang-ist": row(config, old, [POST]),
        "b": row(config, GONE, [POST]),
    }
    lines = page.listed(rows, {}, times, wide)
    for label, one in rows.items():
        lines += page.told(label, one, 3, 3, times, wide)
    assert max(map(page.width, lines)) <= wide


@pytest.mark.parametrize(
    ("memory", "code"), [(BLOG, 0), (Memory(URL), 0), (MOVED, 0), (FAILS, 1), (GONE, 1)]
)
def test_exit_status(memory: Memory, code: int) -> None:
    assert run(Gateway(blog=memory))[0] == code
    assert run(Gateway(blog=memory), "--json")[0] == code


def test_what_waits_is_worth_a_look() -> None:
    gateway = Gateway(blog=BLOG)
    gateway.messages = [message(7)]
    assert run(gateway)[0] == 1
    assert json.loads(run(gateway, "--json")[1])["blog"]["waiting"] == 1


def test_no_feed_at_all() -> None:
    code, shown = run(Gateway())
    assert (code, "gateway feeds try URL" in shown) == (0, True)


def test_one_feed() -> None:
    gateway = Gateway(blog=BLOG)
    gateway.messages = [message(7)]
    code, shown = run(gateway, "show", "blog", "-n", "1")
    assert code == 0
    assert shown.splitlines() == [
        f'feed     blog · {URL} · for blog · "Beispielblog"',
        "state    ok · unchanged",
        "read     19:36 · next 19:51 · at most every 15 min, it asks for 1 h",
        "posts    25 found, 1 new, 24 known · last new 19 Nov 19:41",
        "waiting  1 · gateway feeds release blog, or refuse blog",
        "",
        "The newest, as they would be sent:",
        "",
        "known    Neun Fragen zur Wärmepumpe",
        "         Was kostet sie? Und was spart sie?",
        "         https://blog.example/9/",
        "         picture https://blog.example/9.jpg",
        "         of 18:41 · WhatsApp, Technik",
    ]
    assert json.loads(run(gateway, "show", "blog", "--json")[1])["posts"][0]["title"] == POST.title


@pytest.mark.parametrize("command", ["show", "poll", "release", "refuse"])
def test_a_feed_that_is_not_there(command: str) -> None:
    code, shown = run(Gateway(blog=BLOG), command, "blgo")
    assert code == 2
    assert "there is no feed 'blgo'; known: blog" in shown
    assert run(Gateway(blog=BLOG), command, "crm")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "input", "code", "done"),
    [
        (["release", "blog"], "y\n", 0, [("3", "approve"), ("5", "approve"), ("7", "approve")]),
        (
            ["release", "blog", "--newest", "2", "--yes"],
            "",
            0,
            [("5", "approve"), ("7", "approve")],
        ),
        (["refuse", "blog", "--yes"], "", 0, [("3", "cancel"), ("5", "cancel"), ("7", "cancel")]),
        (["release", "blog"], "n\n", 1, []),
        (["release", "blog"], "", 2, []),  # nobody there to ask
        (["refuse", "blog"], "", 2, []),
        (["release", "presse", "--yes"], "", 0, []),
    ],
)
def test_deciding_about_all_that_waits(
    arguments: list[str], input: str, code: int, done: list[tuple[str, str]]
) -> None:
    gateway = Gateway(blog=BLOG, presse=BLOG)
    gateway.messages = [message(3), message(4, input="crm"), message(5), message(7)]
    gateway.messages += [message(8, state="started"), message(9, code="held_word")]
    assert run(gateway, *arguments, input=input)[0] == code
    sets = [told for operation, told in gateway.called if operation == "message_set"]
    assert [(one["message"], one["action"]) for one in sets] == done


@pytest.mark.parametrize("command", ["release", "refuse"])
def test_nobody_there_to_ask(command: str) -> None:
    gateway = Gateway(blog=BLOG)
    gateway.messages = [message(3)]
    _, shown = run(gateway, command, "blog")
    assert shown.endswith("nobody is here to answer: say --yes to go on unasked\n")
    assert "Aborted" not in shown


def test_a_look_by_hand_counts_what_waits_as_the_table_does() -> None:
    gateway = Gateway(blog=BLOG.replace(note="1 new, 2 wait for a person"))
    gateway.messages = [message(7), message(8), message(9, input="crm")]
    code, polled = run(gateway, "poll", "blog")
    assert (code, polled) == (0, run(gateway)[1])
    row = "blog  ok     19:36  19:51     25    1     24     2  1 new, 2 wait for a person"
    assert polled.splitlines()[1:] == [row]


def test_a_single_failure_has_a_time_and_no_span() -> None:
    _, shown = run(Gateway(blog=FAILS.replace(failures=1)))
    assert shown.endswith("there is nothing at its address, once, at 17:41\n")


def test_polling_by_hand() -> None:
    assert run(Gateway(blog=BLOG), "poll", "blog")[0] == 0
    assert run(Gateway(blog=FAILS), "poll", "blog")[0] == 1
    gateway = Gateway(blog=GONE)
    gateway.running = False
    assert run(gateway, "poll", "blog") == (0, "blog is read when the gateway starts\n")


# --- gateway feeds try ----------------------------------------------------------------------------
@pytest.fixture
def site() -> Iterator[dict[str, Any]]:
    """A server in a thread: `site["body"]` is what it answers, `site["url"]` where."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    told: dict[str, Any] = {"status": 200, "body": b""}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(told["status"])
            self.end_headers()
            self.wfile.write(told["body"])

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    told["url"] = f"http://127.0.0.1:{server.server_port}/feed.xml"
    yield told
    server.shutdown()
    server.server_close()
    thread.join()


def test_trying_a_feed(site: dict[str, Any]) -> None:
    site["body"] = feed(item(2, category="WhatsApp"), item(1, title="\x1b[31mRot\u202e"))
    code, shown = run(
        Gateway(), "try", site["url"], "--private", "--category", "whatsapp", "-n", "2"
    )
    assert code == 0
    assert shown.splitlines()[:5] == [
        "feed     Blog",
        "posts    2 found · language de",
        "         The first look sends none of them, unless first = … says so.",
        "",
        "new      Beitrag 2",
    ]
    assert "left out " in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    found = json.loads(run(Gateway(), "try", site["url"], "--private", "--json")[1])
    assert (found["found"], found["language"]) == (2, "de")


@pytest.mark.parametrize(
    ("status", "body", "private", "words"),
    [
        (404, b"", True, "HTTP 404: there is nothing at its address"),
        (200, b"<html>", True, "it is no feed"),
        (200, feed(1), False, "in a private network, which --private allows (private_address: "),
    ],
)
def test_what_cannot_be_tried(
    site: dict[str, Any], status: int, body: bytes, private: bool, words: str
) -> None:
    site.update(status=status, body=body)
    code, shown = run(Gateway(), "try", site["url"], *(["--private"] if private else []))
    assert code == 1
    assert words in shown


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file:///etc/passwd", "url must begin with https:// or http:// and name a host"),
        ("https://", "url must begin with https://"),
        ("https://:80/feed", "url must begin with https://"),
        ("https://blog.example:65536/", "url must name a port from 1 to 65535, or none"),
        ("https://blog.example:0/", "url must name a port"),
        ("https://blog.example:-1/", "url must name a port"),
        ("https://blog.example:x/", "url must name a port"),
        ("https://blog.example/my feed", "url must not contain blanks"),
        (" https://blog.example/", "url must not contain blanks"),
        ("https://blog.example/\n", "url must not contain blanks"),
        ("https://blog\u200b.example/", "url must not contain blanks or invisible characters"),
        ("https://user:geheim@blog.example/", "url must not contain a user or password"),
        ("https://geheim@blog.example/", "url must not contain a user or password"),
        ("https://[::1", "url names a host in brackets that is no IPv6 address"),
        ("https://[::1/feed", "url names a host in brackets"),
    ],
)
def test_trying_no_address(url: str, words: str) -> None:
    code, shown = run(Gateway(), "try", url)
    assert code == 2
    assert words in shown
    assert "geheim" not in shown


@pytest.mark.parametrize(
    "url",
    ["http://[::1]:8080/feed", "https://blog.example:65535", "https://bücher.example/@feed?a=b@c"],
)
def test_addresses_that_are_fine(url: str) -> None:
    assert RssConfig(url=url, topic="blog").url == url


def test_trio_is_left_clean(site: dict[str, Any]) -> None:
    site["body"] = feed(1)
    assert run(Gateway(), "try", site["url"], "--private")[0] == 0
    trio.run(trio.sleep, 0)  # a run of trio that went on would refuse this
