"""A distribution of somebody else: built from the page for authors, installed beside the gateway,
and run by its processes.  It does its part, and when it breaks nothing gets past it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.test_campaign import our_first_bytes
from tests.wire.world import World, numbers, worst_window

PAGE = (Path(__file__).parents[2] / "docs" / "plugins.md").read_text(encoding="utf-8")
PER_SECOND = 5

GATES = '''
"""What else this author made: a limit, a gate that breaks, and something in place of consent."""

from collections.abc import Sequence
from typing import Any, ClassVar

import trio

from gateway.api import Basis, Delivery, Limit, Middleware, PluginConfig, Rate, hookimpl


class Pace(Middleware):
    """Five a second."""

    name = "pace"

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        return [Rate("author", 5, 1)]


class BreaksConfig(PluginConfig):
    mended: bool = False


class Breaks(Middleware):
    """Breaks in the way that the title asks for."""

    name = "breaks"
    config: BreaksConfig
    timeout: ClassVar[float] = 0.2

    async def process(self, delivery: Delivery) -> Any:
        title = "" if self.config.mended else delivery.message.title
        if title == "raises":
            raise ValueError(delivery.identities)
        if title == "hangs":
            await trio.sleep_forever()
        if title == "nonsense":
            return delivery.replace(contact=delivery.contact + 1)
        return delivery

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        if delivery.message.title == "limits" and not self.config.mended:
            raise ValueError(delivery.identities)
        return ()


class Anybody(Middleware):
    """Stands in place of consent, and names the basis that the title asks for."""

    name = "anybody"

    async def process(self, delivery: Delivery) -> Delivery:
        event = delivery.permissions.consent
        basis = {
            "right": Basis(kind="consent", event=event),
            "guessed": Basis(kind="consent", event=999_999),
            "of another": Basis(kind="consent", event=event % 3 + 1),
            "declared": Basis(kind="declared", text="they like us"),
            "window": Basis(kind="window"),
        }
        return delivery.replace(basis=basis.get(delivery.message.title))


@hookimpl
def register() -> list[type[Middleware]]:
    return [Pace, Breaks, Anybody]
'''


def block(name: str) -> str:
    """Return a file of the page."""
    found = re.search(rf"^```\w+ {re.escape(name)}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the distribution was installed, without a network."""
    source = tmp_path_factory.mktemp("author")
    (source / "kicker.py").write_text(block("kicker.py"), encoding="utf-8")
    (source / "gates.py").write_text(GATES, encoding="utf-8")
    project = block("pyproject.toml")
    for one, two in (
        ('kicker = "kicker"\n', 'kicker = "kicker"\ngates = "gates"\n'),
        ('["kicker.py"]', '["kicker.py", "gates.py"]'),
    ):
        assert one in project
        project = project.replace(one, two)
    (source / "pyproject.toml").write_text(project, encoding="utf-8")
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-index", "--no-deps", "--no-build-isolation", "--no-cache-dir",
            "--target", str(target), str(source),
        ],
        env={**os.environ, "PIP_CONFIG_FILE": os.devnull},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture
def author(tmp_path: Path, site: Path) -> Iterator[World]:
    """A world in which the distribution is installed."""
    made = World(tmp_path, PYTHONPATH=str(site))
    try:
        yield made
    finally:
        made.close()


def start(world: World, chain: tuple[str, ...], people: int, more: str = "") -> list[str]:
    """Start sandbox and gateway with so many subscribers; return their numbers."""
    world.write_settings(more, chain)
    world.start_sandbox()
    found = numbers(people)
    world.import_contacts(found)
    world.start_gateway()
    return found


def send(world: World, *titles: str) -> dict[str, str]:
    """Send a message for each title; return title → its number."""
    made = {}
    for title in titles:
        link = f"https://blog.example/{title.replace(' ', '-')}"
        done = world.data(
            "send", "--topic", "blog", "--title", title, "--text", "Ein Satz.", "--link", link
        )
        made[title] = str(done["message"])
    return made


def show(world: World, number: str) -> dict[str, Any]:
    return dict(world.data("message", "show", number))


def ends(world: World, number: str, state: str, n: int) -> Callable[[], bool]:
    """Return a look: are n deliveries of a message in that state?"""
    return lambda: show(world, number)["counts"].get(state, 0) == n


def test_the_twenty_lines_run_beside_a_limit(author: World) -> None:
    """It is listed with its distribution, changes what goes out, and holds its limit at the wire."""
    chain = ("consent", "kicker", "filter", "ratelimit", "pace", "footer")
    people = start(author, chain, 4 * PER_SECOND, '[middleware.kicker]\ntag = "Neu: "')
    listed = {one["name"]: one for one in author.data("plugins")["plugins"]}
    assert listed["kicker"] == {
        "name": "kicker",
        "kinds": ["middleware"],
        "distribution": "author 1.0",
        "about": "Puts a tag before every title.",
    }
    assert listed["consent"]["distribution"].startswith("message-gateway ")
    order = author.data("order")
    assert next(one["label"] for one in order["screen"]) == "kicker"
    assert [one["label"] for one in order["limits"]] == ["ratelimit", "pace"]

    send(author, "Titel")
    author.until(lambda: len(author.received()) >= len(people), "everybody gets it")
    lines = author.received()
    assert Counter(line["contact"] for line in lines) == dict.fromkeys(people, 1)
    assert all("*Neu: Titel*" in line["text"] for line in lines)
    check_pace(author, len(people))


def test_ratelimit_can_be_replaced(author: World) -> None:
    """Without the gateway's own rates the author's limit holds alone."""
    people = start(author, ("consent", "filter", "pace", "footer"), 3 * PER_SECOND)
    send(author, "Titel")
    author.until(lambda: len(author.received()) >= len(people), "everybody gets it")
    check_pace(author, len(people))


def check_pace(world: World, n: int) -> None:
    """Never more than allowed in any second, counted at our first bytes, and hardly less."""
    world.until(lambda: len(our_first_bytes(world)) >= n, "the last one is settled")
    times = our_first_bytes(world)
    assert len(times) == n
    assert worst_window(times) <= PER_SECOND
    assert (n - 1) / (max(times) - min(times)) >= 0.9 * PER_SECOND


def test_when_it_breaks_nothing_gets_past_it(author: World) -> None:
    """What raises, hangs, answers nonsense or breaks in limits is held, with a reason; the rest
    goes, and once it is mended a person releases what was held."""
    broken = {
        "raises": ("plugin_raised", "breaks failed in process (ValueError in process, line "),
        "hangs": ("plugin_timeout", "breaks failed in process (no answer within 0.2 s)"),
        "nonsense": ("plugin_nonsense", "breaks failed in process (changed id, contact"),
        "limits": ("plugin_raised", "breaks failed in limits (ValueError in limits, line "),
    }
    people = start(author, ("consent", "breaks", "ratelimit", "footer"), 3)
    sent = send(author, *broken, "fine")
    for title in broken:
        author.until(ends(author, sent[title], "held", len(people)), f"{title} is held")
    author.until(lambda: len(author.received()) >= len(people), "the other message goes")
    assert all("*fine*" in line["text"] for line in author.received())
    queue = author.data("queue")
    reasons = {(one["code"], one["reason"]) for one in queue["examples"]}
    for code, reason in broken.values():
        assert any(c == code and r.startswith(reason) for c, r in reasons), (code, reasons)
    assert sum(group["n"] for group in queue["groups"]) == len(broken) * len(people)
    page = author.run("queue").stdout
    for told in (page, author.log()):
        assert "breaks" in told
        assert not any(phone in told for phone in people)

    assert author.stop_gateway() == 0
    author.write_settings(
        "[middleware.breaks]\nmended = true", ("consent", "breaks", "ratelimit", "footer")
    )
    author.start_gateway()
    author.run("message", "approve", sent["hangs"])
    author.until(lambda: len(author.received()) >= 2 * len(people), "what was held goes")
    assert Counter("*hangs*" in line["text"] for line in author.received()) == {True: 3, False: 3}


def test_consent_cannot_be_talked_away(author: World) -> None:
    """In place of consent: no basis, a wrong one or another's sends nothing, the right one does."""
    wrong = {
        "none": "no_basis",
        "guessed": "no_consent",
        "of another": "no_consent",
        "declared": "no_consent",
        "window": "no_consent",
    }
    people = start(author, ("anybody", "ratelimit", "footer"), 3)
    sent = send(author, *wrong)
    for title, code in wrong.items():
        author.until(ends(author, sent[title], "dropped", len(people)), f"{title} is dropped")
        assert show(author, sent[title])["reasons"] == [{"code": code, "n": len(people)}]
    assert author.received() == []
    send(author, "right")
    author.until(lambda: len(author.received()) >= len(people), "the right basis sends")
    assert all("*right*" in line["text"] for line in author.received())
