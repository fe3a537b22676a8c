"""The page with the phones, on the wire: its files, snapshots, what is live, and who is let in."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

import h11
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway_sandbox import chats, page
from gateway_sandbox.events import Accepted

ROOT = Path(__file__).parents[2]
FOLDER = files("gateway_sandbox") / "page"
NAMES = sorted(file.name for file in FOLDER.iterdir())
PHONE, USER = "+491713920001", "DE.10000000000000000042"
EVIL = "<img src=x onerror=alert(1)>"


@asynccontextmanager
async def following(world, after="", last=None):
    """Follow the live events; yields `next_event()` → (id, event name, data), None at the end."""
    host = f"127.0.0.1:{world.sandbox.port}"
    headers = [("Host", host)] + ([("Last-Event-ID", last)] if last else [])
    http = h11.Connection(h11.CLIENT)
    request = h11.Request(method="GET", target=f"/sandbox/events?after={after}", headers=headers)
    stream = await trio.open_tcp_stream("127.0.0.1", world.sandbox.port)
    await stream.send_all(http.send(request) + http.send(h11.EndOfMessage()))
    rest = b""

    async def next_event():
        nonlocal rest
        with trio.fail_after(5):
            while b"\n\n" not in rest:
                event = http.next_event()
                if event is h11.NEED_DATA:
                    http.receive_data(await stream.receive_some(65536))
                elif isinstance(event, h11.Response):
                    assert event.status_code == 200
                    assert (b"content-type", b"text/event-stream") in list(event.headers)
                elif isinstance(event, h11.Data):
                    rest += event.data
                else:
                    return None
        whole, _, rest = rest.partition(b"\n\n")
        told = dict(line.split(b": ", 1) for line in whole.splitlines())
        name = told.get(b"event", b"message").decode()
        return told.get(b"id", b"").decode(), name, json.loads(told[b"data"])

    async with stream:
        yield next_event


async def changes(next_event, enough):
    """Collect changes until `enough(changes)`; returns them and the id of each update."""
    found, ids = [], []
    while not enough(found):
        id, event, data = await next_event()
        assert event == "message"
        ids.append(id)
        found += data.get("changes", [])
    return found, ids


def told_webhooks(found):
    return [kind for c in found if c["kind"] == "webhook" for kind in c["webhook"]["kinds"]]


async def snapshot(world, **query):
    answer = await world.client.get("/sandbox/phones", params=query)
    assert answer.status_code == 200
    return answer.json()


# --- files ----------------------------------------------------------------------------------------


async def test_the_page_and_its_policy(start):
    world = await start()
    answer = await world.client.get("/")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in str(policy)
    for source in policy["img-src"].split() + policy["media-src"].split():
        assert source in ("'self'", "data:", "blob:") or re.match(
            r"http://(127\.0\.0\.1|localhost):\*\Z", source
        )


@pytest.mark.parametrize("name", NAMES)
async def test_each_file_is_served(start, name):
    world = await start()
    answer = await world.client.get(f"/page/{name}")
    assert answer.status_code == 200
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-type"].startswith(
        {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg"}[
            name.rpartition(".")[2]
        ]
    )


@pytest.mark.parametrize("path", ["/page/", "/page/none.js", "/page/..%2fpage.py", "/page/a/b"])
async def test_nothing_else_is_served(start, path):
    world = await start()
    assert (await world.client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("wa.me/491713920099", "/?chat=491713920099"),
        ("wa.me/+49%20171%203920099/", "/?chat=491713920099"),
        ("wa.me/491713920099?text=START%20blog%20%26%23&phone=%2B491713920001&x=1",
         "/?chat=491713920099&text=START+blog+%26%23&phone=%2B491713920001"),
        ("wa.me/491713920099?text=a%0d%0aSet-Cookie:x", "/?chat=491713920099&text=a%0D%0ASet-Cookie%3Ax"),
        ("wa.me/blog.example", None),
        ("wa.me/491713920099/signup/1", None),
        ("wa.me", None),
    ],
)  # fmt: skip
async def test_a_link_into_a_chat_leads_to_a_phone(start, path, where):
    """As https://wa.me does; never away from here, and no header gets in."""
    world = await start()
    answer = await world.client.get(f"/{path}")
    assert (answer.status_code, answer.headers.get("location")) == (
        (302, where) if where else (404, None)
    )
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", NAMES)
def test_files_name_only_what_exists_here(name):
    """No file of another machine, no missing one, no markup made of text."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    for address in re.findall(r"""https?://[^\s"'`)<>]+""", text):
        assert address.startswith("http://www.w3.org/2000/svg"), address
    for other in re.findall(r"""(?:from "\./|"/page/)([\w.-]+)""", text):
        assert other in NAMES, other
    for risky in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
        assert risky not in text
    assert len(text.splitlines()) <= 300


def test_both_languages_have_all_words():
    text = (FOLDER / "texts.js").read_text(encoding="utf-8")
    english, german = (
        re.findall(r"^  (\w+):", part, re.MULTILINE)
        for part in re.findall(r"const (?:en|de) = \{\n(.*?)\n\};", text, re.DOTALL)
    )
    assert english == german
    used = set()
    for name in NAMES:
        used |= set(re.findall(r"""\bt\("(\w+)\"""", (FOLDER / name).read_text(encoding="utf-8")))
    assert used <= set(english)


def test_a_wheel_has_the_page_and_the_pictures(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())
    pictures = [file.name for file in (files("gateway_sandbox") / "pictures").iterdir()]
    assert len(pictures) == 6
    wanted = [f"page/{name}" for name in NAMES] + [f"pictures/{name}" for name in pictures]
    assert {f"gateway_sandbox/{name}" for name in wanted} <= inside


# --- snapshot -------------------------------------------------------------------------------------


async def test_a_snapshot_has_chats_webhooks_counts_and_faults(start, text):
    world = await start(verified_name="Beispiel GmbH")
    said = await world.sandbox.say(PHONE, EVIL)
    await world.post(text(PHONE))
    await world.post(text("+491713920002"), token="wrong")
    world.sandbox.fault("slow", PHONE, seconds=0.0)
    await world.sandbox.settled()
    found = await snapshot(world)
    (phone,) = found["phones"]
    assert (phone["contact"], phone["phone"]) == (PHONE, PHONE[1:])
    wrote, sent = phone["entries"]
    assert wrote["id"] == said.wamid
    assert wrote["wrote"]["text"]["body"] == EVIL
    assert wrote["answer"] == {"status": 200, "error": None}
    assert sent["sent"]["text"] == "Guten Tag"
    assert {s["status"] for s in sent["steps"]} == {"accepted", "sent", "delivered", "read"}
    assert found["business"]["100000000000001"]["name"] == "Beispiel GmbH"
    assert [post["kinds"] for post in found["posts"]][-1] == ["text"]
    assert [post["contacts"] for post in found["posts"]] == [[PHONE]] * 4
    assert "body" not in found["posts"][0]
    assert found["counts"]["refused"] == {"190": 1}
    assert found["faults"][0]["fault"] == "slow"
    assert {"undeliverable", "slow"} <= {kind["name"] for kind in found["kinds"]}
    whole = await world.client.get(f"/sandbox/posts/{found['posts'][-1]['seq']}")
    assert said.wamid in whole.json()["body"].replace("\\/", "/")
    assert (await world.client.get("/sandbox/posts/77")).status_code == 404


async def test_a_failed_message_says_why(start, blog_post):
    world = await start()
    world.sandbox.fault("marketing_cap", PHONE)
    await world.post(blog_post(PHONE))
    await world.sandbox.settled()
    (phone,) = (await snapshot(world))["phones"]
    failed = phone["entries"][0]["steps"][-1]
    assert (failed["status"], failed["code"]) == ("failed", 131049)
    assert "healthy" in failed["text"]


async def test_introduced_phones_come_first_and_can_be_found(start, text):
    world = await start()
    for number in range(1, 5):
        await world.sandbox.say(f"+49171392000{number}", "Hallo")
    added = await world.control(
        "POST", "phones", {"phone": USER, "label": {"en": "a friend"}, "tone": "wait"}
    )
    assert added.json()["contact"] == USER
    shown = await snapshot(world, limit=2)
    assert [phone["contact"] for phone in shown["phones"]] == [USER, "+491713920004"]
    assert (shown["found"], shown["total"]) == (5, 5)
    for find in ("friend", "FRIEND", "0042", "DE.1"):
        found = await snapshot(world, find=find)
        assert [phone["contact"] for phone in found["phones"]] == [USER]
    found = await snapshot(world, find="+49 171 39200 03")
    assert [phone["contact"] for phone in found["phones"]] == ["+491713920003"]
    assert (await snapshot(world, find="nobody"))["phones"] == []


@pytest.mark.parametrize(
    "body", [{"phone": "nobody"}, {}, {"phone": PHONE, "more": 1}, {"phone": PHONE, "tone": "x"}]
)
async def test_a_phone_that_makes_no_sense_is_refused(start, body):
    world = await start()
    answer = await world.control("POST", "phones", body)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert (await snapshot(world))["phones"] == []


async def test_memory_is_bounded(start, text, monkeypatch):
    monkeypatch.setattr(chats, "PHONES", 3)
    monkeypatch.setattr(chats, "ENTRIES", 2)
    world = await start(webhook=False)
    world.sandbox.chats.introduce(USER)
    for number in range(1, 5):
        for _ in range(3):
            await world.post(
                {
                    **text(f"+49171392000{number}"),
                    "type": "template",
                    "template": {"name": "blog_post", "language": {"code": "de"}},
                }
            )
            await world.sandbox.say(f"+49171392000{number}", "Hallo")
    found = await snapshot(world)
    assert [phone["contact"] for phone in found["phones"]] == [
        USER,
        "+491713920004",
        "+491713920003",
    ]
    assert found["gone"] == 2
    assert [len(phone["entries"]) for phone in found["phones"]] == [0, 2, 2]


# --- live -----------------------------------------------------------------------------------------


async def test_events_come_in_order_and_go_on_where_they_stopped(start, text):
    world = await start(delays=(0.1, 0.2, 0.3))
    await world.sandbox.say(PHONE, "Hallo")
    first = await snapshot(world)
    async with following(world, first["place"]) as next_event:
        await world.post(text(PHONE))
        found, ids = await changes(next_event, lambda found: any("step" in c for c in found))
    kinds = [c["kind"] for c in found if c["kind"] != "webhook"]
    assert kinds == ["entry", "step"]
    assert ids[-1] == f"{world.sandbox.chats.epoch}-{world.sandbox.chats.last}"
    await world.sandbox.settled()
    async with following(world, first["place"], last=ids[-1]) as next_event:
        rest, _ = await changes(next_event, lambda found: "read" in told_webhooks(found))
    steps = [c["step"]["status"] for c in found + rest if c["kind"] == "step"]
    assert told_webhooks(found + rest) == steps
    assert steps == ["sent", "delivered", "read"]
    assert not any(c["kind"] == "entry" for c in rest)


async def test_read_and_typing_reach_the_phone(start):
    world = await start()
    said = await world.sandbox.say(PHONE, "Hallo")
    place = (await snapshot(world))["place"]
    async with following(world, place) as next_event:
        answer = await world.post(
            {
                "messaging_product": "whatsapp",
                "status": "read",
                "message_id": said.wamid,
                "typing_indicator": {"type": "text"},
            }
        )
        assert answer.json() == {"success": True}
        found, _ = await changes(next_event, lambda found: len(found) == 2)
    assert [(c["kind"], c["contact"]) for c in found] == [("read", PHONE), ("typing", PHONE)]
    assert (await snapshot(world))["phones"][0]["entries"][0]["read"] is True


async def test_counts_and_faults_come_without_a_message(start, text):
    world = await start()
    async with following(world) as next_event:
        _, _, begin = await next_event()
        assert begin["faults"] == []
        await world.post(text(PHONE), token="wrong")
        world.sandbox.fault("undeliverable", PHONE)
        _, _, update = await next_event()
    assert update["counts"]["refused"] == {"190": 1}
    assert update["faults"][0]["number"] == PHONE


@pytest.mark.parametrize("after", ["0-0", "nonsense", "EPOCH-99", "EPOCH--1"])
async def test_an_unknown_place_asks_for_a_new_snapshot(start, after):
    world = await start()
    after = after.replace("EPOCH", world.sandbox.chats.epoch)
    async with following(world, after) as next_event:
        assert await next_event() == ("", "stale", {})
        assert await next_event() is None


async def test_a_reset_asks_for_a_new_snapshot(start):
    world = await start()
    await world.sandbox.say(PHONE, "Hallo")
    world.sandbox.chats.introduce(USER)
    place = (await snapshot(world))["place"]
    async with following(world, place) as next_event:
        await next_event()
        await world.control("POST", "reset")
        assert (await next_event())[1] == "stale"
    found = await snapshot(world)
    assert [phone["contact"] for phone in found["phones"]] == [USER]


async def test_who_stands_still_is_sent_away_and_costs_no_memory(start, text, monkeypatch):
    """A browser that reads nothing: its connection ends, sends go on, nothing piles up."""
    monkeypatch.setattr(page, "GATHER", 0.0)
    monkeypatch.setattr(page, "PATIENCE", 0.1)
    world = await start(webhook=False, rate=1e6, pair_burst=1e6)
    stream = await trio.open_tcp_stream("127.0.0.1", world.sandbox.port)
    await stream.send_all(b"GET /sandbox/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    watcher = world.sandbox.chats
    await world.sandbox.say(PHONE, "Hallo")
    await world.post(text(PHONE, text={"body": "x" * 4000}))
    received = world.sandbox.received()[0]
    with trio.fail_after(10):
        assert world.sandbox.server.open == 2  # the browser's and the client's own
        for number in range(3 * chats.CHANGES):
            world.sandbox.state.announce(Accepted(received.arrival, received))
            if number % 200 == 0:
                await wait_all_tasks_blocked(0.002)
        while world.sandbox.server.open > 1:
            await wait_all_tasks_blocked(0.01)
    assert len(watcher._changes) == chats.CHANGES
    assert (await world.post(text(PHONE))).status_code == 200
    await stream.aclose()


async def test_a_browser_that_leaves_is_noticed(start):
    world = await start()
    async with following(world) as next_event:
        await next_event()
        assert world.sandbox.server.open == 1
    with trio.fail_after(5):
        while world.sandbox.server.open:
            await wait_all_tasks_blocked(0.01)


async def test_a_lean_sandbox_shows_no_chats(start, text):
    world = await start(lean=True)
    await world.sandbox.say(PHONE, "Hallo")
    await world.post(text(PHONE))
    assert (await snapshot(world))["phones"] == []


# --- files of messages ----------------------------------------------------------------------------


async def test_pictures_are_shown_and_all_else_is_a_download(start):
    world = await start()
    await world.sandbox.say(PHONE, image={})
    await world.sandbox.say(PHONE, document={})
    entries = (await snapshot(world))["phones"][0]["entries"]
    picture, paper = (entry["wrote"][entry["wrote"]["type"]]["id"] for entry in entries)
    shown = await world.client.get(f"/sandbox/files/{picture}")
    assert shown.headers["content-type"] in ("image/jpeg", "image/png")
    assert shown.headers["content-disposition"] == "inline"
    saved = await world.client.get(f"/sandbox/files/{paper}")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"] == "attachment"
    for answer in (shown, saved):
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await world.client.get("/sandbox/files/1")).status_code == 404


# --- who is let in --------------------------------------------------------------------------------

HERE = "127.0.0.1:PORT"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        (JSON, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
        (JSON | {"Origin": f"http://{HERE}", "Sec-Fetch-Site": "same-origin"}, 200),
        (JSON | {"Host": "localhost:PORT", "Origin": "http://localhost:PORT"}, 200),
        (JSON | {"Host": "[::1]:PORT"}, 200),
        (JSON | {"Origin": "https://evil.example"}, 403),
        (JSON | {"Origin": "null"}, 403),
        (JSON | {"Origin": "http://127.0.0.1:1"}, 403),
        (JSON | {"Sec-Fetch-Site": "cross-site"}, 403),
        (JSON | {"Sec-Fetch-Site": "same-site"}, 403),
        (JSON | {"Host": "evil.example:PORT", "Origin": "http://evil.example:PORT"}, 403),
        (JSON | {"Host": "127.0.0.1.evil.example"}, 403),
        (JSON | {"Host": "localhost.evil.example"}, 403),
        (JSON | {"Host": "["}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_another_site_changes_nothing(start, headers, status):
    world = await start()
    filled = {
        name: value.replace("PORT", str(world.sandbox.port)) for name, value in headers.items()
    }
    answer = await world.client.post("/sandbox/faults", content=b'{"fault":"slow"}', headers=filled)
    assert answer.status_code == status
    assert len(world.sandbox.state.faults.active) == (1 if status == 200 else 0)
    if status != 200:
        assert answer.json()["error"]


@pytest.mark.parametrize("path", ["/", "/page/main.js", "/sandbox/phones", "/sandbox/events"])
async def test_a_rebound_name_sees_nothing(start, path):
    world = await start()
    answer = await world.client.get(path, headers={"Host": "evil.example"})
    assert answer.status_code == 403
    assert "IP address" in answer.json()["error"]


async def test_the_name_it_listens_on_is_let_in(start):
    world = await start(host="localhost")
    for host, status in (("localhost", 200), ("sandbox", 403)):
        answer = await world.client.get("/", headers={"Host": host})
        assert answer.status_code == status
