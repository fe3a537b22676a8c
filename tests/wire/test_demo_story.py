"""`make demo` in a browser: its page shows who got the post, who left, and who joined.

    PICTURES=docs/images make test TESTS=tests/wire/test_demo_story.py

makes the picture of the README's demo anew."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway_sandbox.world import CONFIRMED, JOINING, LEAVING
from tests.needs import need
from tests.sandbox.browser import chromium
from tests.wire.camera import SHARP, Box, Camera
from tests.wire.phones import on

SIZE = (1400, 900)
TOLD = r"switch on a fault: (http\S+)"


@pytest.mark.timeout(240)
async def test_the_page_of_the_demo(tmp_path: Path) -> None:
    program = need("chromium")
    with _demo(tmp_path / "demo.log") as url:
        async with chromium(program, tmp_path / "profile", "en-US") as tab:
            await tab.open(url, *SIZE)
            await tab.command("Emulation.setTimezoneOverride", timezoneId="Europe/Berlin")
            await tab.until("document.querySelector('.link.on')", 10)
            for phone, says in (
                (CONFIRMED[0], "Neuer Beitrag: Heizung im Winter prüfen"),
                (LEAVING, "Du bist abgemeldet"),
                (JOINING, "Heizung im Winter prüfen"),
            ):
                bubbles = f"[...document.querySelectorAll({on(phone, '.message')})]"
                await tab.until(f"{bubbles}.some((one) => one.textContent.includes('{says}'))", 20)
            late = f"document.querySelector({on(LEAVING, '.chat')}).textContent"
            assert "Heizung im Winter" not in await tab.evaluate(late), "after the STOP"
            await tab.until("document.querySelectorAll('li .post').length > 12", 10)
            assert tab.problems == []
            await Camera(tab).take("phones", Box(0, 0, *SIZE), SHARP)


@contextmanager
def _demo(log: Path) -> Iterator[str]:
    """Run the demo until its story is told; gives the page's address, and ends it as Ctrl-C does."""
    with log.open("wb") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "gateway", "demo"],
            env={**os.environ, "TZ": "Europe/Berlin"},
            stdin=subprocess.DEVNULL, stdout=out, stderr=out,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 120
            while (found := re.search(TOLD, log.read_text(encoding="utf-8"))) is None:
                assert demo.poll() is None, log.read_text(encoding="utf-8")
                assert time.monotonic() < deadline, log.read_text(encoding="utf-8")
                time.sleep(0.1)
            yield found[1]
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0, log.read_text(encoding="utf-8")
        finally:
            if demo.poll() is None:
                demo.kill()
                demo.wait()
