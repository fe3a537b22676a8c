"""kill -9 between form, commit, question and answer: no sign-up is lost, nobody is asked twice."""

from __future__ import annotations

import html
import json
import os
import random
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

import pytest

from tests.wire.world import World, numbers, query

KILLS = int(os.environ.get("KILLS", "15"))
VISITORS = 16
"""Who sign up at the same time."""
UP = 2.5
"""Seconds that the gateway lives at most; in the first it sends nothing, to be surely not too fast."""
T = TypeVar("T")
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)">')
LINK = re.compile(r'https://wa\.me/[^"]+')
FORMS = """
[inputs.website]
plugin = "forms"
topics = ["blog"]
number = "+49 30 1234567"
per_address = 1000000
in_all = 1000000
min_seconds = "0s"
"""


@pytest.mark.timeout(600)
def test_killed_while_people_sign_up(world: World) -> None:
    """Every sign-up that was answered with 2xx can be confirmed; each request is asked once."""
    seed = os.environ.get("SEED") or secrets.token_hex(4)
    print(f"seed {seed}")
    chance = random.Random(seed)
    world.write_settings(FORMS)
    world.start_sandbox("--delays", "0.02,0.05,0.1")
    world.start_gateway()
    phones = iter(numbers(100_000))
    over = threading.Event()
    asking = Asking(world, over)
    asking.start()
    visits = [
        Visit(world, over, phones, asking, random.Random(f"{seed}{n}")) for n in range(VISITORS)
    ]
    for visit in visits:
        visit.start()
    for _ in range(KILLS):
        time.sleep(chance.random() * UP)
        world.kill_gateway()
        world.start_gateway()
    over.set()
    for visit in visits:
        visit.join(60)
        assert not visit.is_alive(), "a visitor still waits for the question"
        assert visit.failure is None, visit.failure
    told = {phone for visit in visits for phone in visit.answered_yes}
    world.until(lambda: told <= confirmed(world), "every yes is a consent", 60)
    asked = Counter(line["contact"] for line in world.received() if "yes:" in json.dumps(line))
    assert max(asked.values()) == 1, "somebody was asked twice"
    promised = {code for visit in visits for code in visit.promised}
    kept = {code for (code,) in query(world, "SELECT code FROM sign_ups")}
    assert promised <= kept, "a sign-up that was answered with 2xx is lost"
    unasked = [p for visit in visits for p in visit.sent if p not in asked]
    unknown = query(
        world, "SELECT count(*) FROM deliveries d WHERE d.priority = 0 AND d.state = 5"
    )[0][0]
    assert len(unasked) <= unknown, (unasked, unknown)
    print(
        {"kills": KILLS, "promised": len(promised), "asked": len(asked), "confirmed": len(told),
         "never asked, outcome unknown": len(unasked)}
    )  # fmt: skip


class Asking(threading.Thread):
    """Looks at everybody's phone: number → (payload, caption) of the button that says yes."""

    def __init__(self, world: World, over: threading.Event) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._over = over
        self.buttons: dict[str, tuple[str, str]] = {}

    def run(self) -> None:
        end: float | None = None
        while end is None or time.monotonic() < end:
            if end is None and self._over.is_set():
                end = time.monotonic() + 60
            for line in self._world.received():
                for button in line.get("buttons", ()):
                    if button.get("payload", "").startswith("yes:"):
                        self.buttons[line["contact"]] = button["payload"], button["text"]
            time.sleep(0.1)


class Visit(threading.Thread):
    """One visitor after the other: form, START with the code, the question, yes."""

    def __init__(
        self,
        world: World,
        over: threading.Event,
        phones: Iterator[str],
        asking: Asking,
        chance: random.Random,
    ) -> None:
        super().__init__(daemon=True)
        self._asking = asking
        self._world = world
        self._over = over
        self._phones = phones
        self._chance = chance
        self.promised: list[str] = []
        self.sent: list[str] = []
        self.answered_yes: list[str] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            while not self._over.is_set():
                self._sign_up(next(self._phones))
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self.failure = error

    def _sign_up(self, phone: str) -> None:
        text = self._form()
        if text is None:
            return
        code = text.split()[-1]
        self.promised.append(code)
        heard = self._until(lambda: self._world.say(phone, text)["status"] == 200, 60)
        assert heard, "START was never taken"
        self.sent.append(phone)
        question = self._until(lambda: self._asking.buttons.get(phone), 30)
        if question is None:  # its outcome may be unknown: it is not repeated
            return
        payload, title = question
        body = {"button_reply": {"id": payload, "title": title}}
        if self._until(lambda: self._said(phone, body), 60):
            self.answered_yes.append(phone)

    def _form(self) -> str | None:
        """Fill in the page as a browser does; the text of its link, None if nobody answered."""
        page = f"http://127.0.0.1:{self._world.public}/in/website/"
        try:
            with urlopen(page, timeout=5) as answer:
                hidden = dict(HIDDEN.findall(answer.read().decode()))
            form = urlencode({**hidden, "topics": "blog"}).encode()
            with urlopen(Request(page, form), timeout=5) as answer:  # follows the 303
                link = LINK.search(html.unescape(answer.read().decode()))
        except OSError:
            time.sleep(self._chance.random() * 0.05)
            return None
        assert link is not None
        return parse_qs(urlsplit(link[0]).query)["text"][0]

    def _said(self, phone: str, body: dict[str, object]) -> bool:
        status, answer = self._world.ask("POST", f"/sandbox/phones/{phone}/say", body)
        return status == 200 and json.loads(answer)["status"] == 200

    def _until(self, done: Callable[[], T], seconds: float) -> T | None:
        deadline = time.monotonic() + seconds
        while not (found := done()):
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
        return found


def confirmed(world: World) -> set[str]:
    """The numbers of those whose consent is confirmed."""
    rows = query(
        world,
        "SELECT i.value FROM identities i JOIN consents c ON c.contact_id = i.contact_id"
        " WHERE i.kind = 'phone' AND c.topic = 'blog' AND c.state = 'confirmed'",
    )
    return {str(value) for (value,) in rows}
