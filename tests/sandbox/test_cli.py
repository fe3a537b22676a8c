"""`gateway sandbox` as a process: one line, a clean end, a plain error."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio

START = "from gateway_sandbox.cli import sandbox; sandbox()"
ARGUMENTS = ["--app-secret", "s", "--token", "t"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", START, *arguments]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import gateway_sandbox

    monkeypatch.setenv("PYTHONPATH", str(Path(gateway_sandbox.__file__).parents[1]))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_listens_tells_where_and_ends(how):
    process = await trio.lowlevel.open_process(
        command("--listen", "127.0.0.1:0", *ARGUMENTS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    line = (await process.stdout.receive_some(1000)).decode()
    assert line.startswith("sandbox listens on http://127.0.0.1:")
    async with httpx.AsyncClient(base_url=line.split()[-1], trust_env=False) as client:
        assert (await client.get("/sandbox/stats")).json()["received"] == 0
    process.send_signal(how)
    assert await process.wait() == 0
    assert await process.stdout.receive_some(1000) == b""
    assert await process.stderr.receive_some(1000) == b""
    await process.stdout.aclose()
    await process.stderr.aclose()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--webhook", "https://a.example/", "--listen", "127.0.0.1:0"], "http://"),
        (["--listen", "9100"], "host:port"),
        (["--delays", "1,2"], "three numbers"),
        (["--listen", "192.0.2.1:9100"], "assign"),
    ],
)
async def test_what_cannot_be_is_said_in_one_line(arguments, says):
    done = await trio.run_process(command(*ARGUMENTS, *arguments), check=False, capture_stderr=True)
    assert done.returncode != 0
    assert says in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


async def test_importing_the_command_is_cheap():
    code = (
        "import sys, gateway_sandbox.cli; sys.exit('trio' in sys.modules or 'h11' in sys.modules)"
    )
    done = await trio.run_process([sys.executable, "-c", code], check=False)
    assert done.returncode == 0
