"""The log of the wire has this campaign's requests alone, and its daemon does not outlive it."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gateway_sandbox.serve import open_sandbox
from gateway_sandbox.settings import Settings
from tests.chaos.wire import Wire

ROOT = Path(__file__).parents[2]
DAEMON = "import time; from tests.chaos.weakened import leash; leash(); print(flush=True); time.sleep(60)"
CAMPAIGN = f"""
import subprocess, sys, time
daemon = subprocess.Popen([sys.executable, "-c", {DAEMON!r}], stdout=subprocess.PIPE)
daemon.stdout.readline()
print(daemon.pid, flush=True)
time.sleep(60)
"""


async def test_requests_of_strangers_are_not_in_it() -> None:
    wire = Wire()
    async with (
        open_sandbox(Settings(token="ours", app_secret="secret")) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url, trust_env=False) as client,
    ):
        wire.tap("main", sandbox)
        for token in ("ours", "theirs"):
            await client.post(
                "/v25.0/100000000000001/messages",
                json={"to": "+491713000001", "type": "text", "text": {"body": "Hallo"}},
                headers={"authorization": f"Bearer {token}"},
            )
    assert [sent.contact for sent in wire.sends] == ["+491713000001"]
    assert wire.strangers == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is Linux's")
def test_the_daemon_ends_with_the_campaign() -> None:
    """However that ends."""
    campaign = subprocess.Popen([sys.executable, "-c", CAMPAIGN], cwd=ROOT, stdout=subprocess.PIPE)
    assert campaign.stdout is not None
    daemon = os.pidfd_open(int(campaign.stdout.readline()))
    campaign.kill()
    campaign.communicate()
    ended, _, _ = select.select([daemon], [], [], 20.0)
    os.close(daemon)
    assert ended
