"""`gateway status` of a gateway that sends: what it cost, and how the template stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.cli import status_page
from gateway.cli.status import judge
from tests.wire.inprocess import Running, running
from tests.wire.test_plan import RATES
from tests.wire.world import numbers

MORE = """
[cost]
rates     = "rates.toml"
per_month = 5
"""


async def look(gateway: Running) -> tuple[dict[str, Any], str, int]:
    data = await gateway.call("status")
    verdict = judge(data, running=True)
    page = "\n".join(status_page.render(data, verdict, 100))
    return data, " ".join(page.split()), verdict.code


async def test_what_it_cost_and_how_the_template_stands(tmp_path: Path) -> None:
    (tmp_path / "rates.toml").write_text(RATES)
    async with running(tmp_path, more=MORE) as gateway:
        await gateway.import_confirmed(numbers(12))

        async def known() -> bool:
            data = await gateway.call("status")
            return data["live"]["senders"]["main"]["templates"] is not None

        await gateway.until(known)  # asked for at the start, before any post
        data, page, code = await look(gateway)
        assert data["month"]["spent"] == 0
        assert "template blog_post approved" in page
        assert code == 0
        number = await gateway.send("a")

        async def through() -> bool:
            counts = await gateway.counts(number)
            return sum(counts.get(state, 0) for state in ("delivered", "read")) == 12

        await gateway.until(through)
        data, page, code = await look(gateway)
        assert data["month"]["spent"] == pytest.approx(1.20)
        assert (data["month"]["promised"], data["month"]["budget"]) == (0, 5)
        assert "1.20 of 5.00 EUR since 1 " in page
        assert "3.80 left · prices of 2025-07-01" in page

        gateway.sandbox.template_status("blog_post", "de", "PAUSED")
        await gateway.sandbox.settled()
        data, page, code = await look(gateway)
        assert "blog_post/de PAUSED" in page
        assert code == 1
        gateway.sandbox.template_status("blog_post", "de", "APPROVED")
        await gateway.sandbox.settled()
        assert (await look(gateway))[2] == 0
