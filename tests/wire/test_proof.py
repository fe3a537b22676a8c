"""The consent ledger of a running gateway: a real sign-up is proven by command, beside the sending."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import trio

from gateway.heads import read_token
from tests.wire.inprocess import running

PERSON = "+4917139200101"


async def gateway(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Call a command in a process of its own."""
    environment = os.environ | {"GATEWAY_CONFIG": str(folder / "gateway.toml")}
    return await trio.run_process(
        [sys.executable, "-m", "gateway", "consent", *arguments],
        capture_stdout=True, capture_stderr=True, check=False, cwd=folder, env=environment,
    )  # fmt: skip


async def test_a_proof_is_made_beside_the_running_gateway(tmp_path: Path) -> None:
    """The daemon signs and seals, the command reads; the ledger goes on meanwhile."""
    async with running(tmp_path) as house:
        await house.import_confirmed([PERSON, "+4917139200102"])
        made = await gateway(house.folder, "proof", PERSON, "--out", "proof.json")
        assert (made.returncode, made.stderr) == (0, b"")
        assert made.stdout.startswith(b"written  proof.json")
        await house.import_confirmed(["+4917139200103"])
        anchored = await house.call("consent_anchor")
        signed = read_token(anchored["token"])
        assert signed is not None
        assert signed.head.number == 3
        whole = await gateway(house.folder, "verify")
        assert (whole.returncode, whole.stderr) == (0, b"")
        assert whole.stdout.startswith(b"SOUND    3 events fit their hashes")
        (found,) = await house.daemon.store.heads(limit=1)
        assert found.signed == signed
    # The gateway has ended; the file is still what it was, and so is the ledger.
    for arguments in (("verify", "proof.json"), ("verify",)):
        after = await gateway(tmp_path, *arguments)
        assert after.returncode == 0, after.stdout


async def test_the_daemon_signs_by_itself(tmp_path: Path) -> None:
    """Soon after its start, what came before is signed; nobody has to ask."""
    async with running(tmp_path) as house:
        await house.import_confirmed([PERSON])
    async with running(tmp_path) as house:

        async def signed() -> bool:
            return bool(await house.daemon.store.heads(limit=1))

        await house.until(signed)
