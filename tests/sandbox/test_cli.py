"""`gateway sandbox` as a process: what an operator needs, a clean end, all errors at once."""

import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import trio
from click.testing import CliRunner

from gateway_sandbox.cli import sandbox
from gateway_sandbox.settings import REDELIVERY_FACTOR, SEVEN_DAYS, Settings, SettingsError

START = "from gateway_sandbox.cli import sandbox; sandbox()"
ARGUMENTS = ["--app-secret", "s", "--token", "t"]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-c", START, *arguments]


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    import gateway_sandbox

    monkeypatch.setenv("PYTHONPATH", str(Path(gateway_sandbox.__file__).parents[1]))


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_it_listens_tells_where_and_ends(how, nursery):
    webhook = "http://127.0.0.1:9/hook/main/"
    process = await trio.lowlevel.open_process(
        command("--listen", "127.0.0.1:0", "--webhook", webhook, *ARGUMENTS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        told = (await process.stdout.receive_some(2000)).decode()
        first = told.splitlines()[0]
        assert first.startswith("sandbox listens on http://127.0.0.1:")
        url = first.split()[-1]
        lines = told.splitlines()
        assert f'    base_url        = "{url}"' in lines
        assert '    phone_number_id = "100000000000001"' in lines
        assert '    account_id      = "100000000000002"' in lines
        assert re.search(rf"^  webhooks go to +{webhook}$", told, re.MULTILINE)
        assert re.search(rf"^  phones .* {url}/$", told, re.MULTILINE)
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            assert (await client.get("/sandbox/stats")).json()["received"] == 0
        process.send_signal(how)
        assert await process.wait() == 0
        assert await process.stdout.receive_some(1000) == b""
        assert await process.stderr.receive_some(1000) == b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await process.stdout.aclose()
        await process.stderr.aclose()


def refused(*arguments: str) -> list[str]:
    """The lines with problems of a command that does not start."""
    done = CliRunner().invoke(sandbox, arguments)
    assert done.exit_code == 2, done.output
    return [line.strip() for line in done.output.splitlines() if line.startswith("  --")]


def test_everything_that_is_wrong_is_told_at_once():
    lines = refused(
        "--listen", "9100", "--delays", "1,2", "--rate", "0", "--webhook", "https://a.example/",
        "--phone-number-id", "+491713920001", "--account-id", "us", "--batch", "0", "--keep", "0",
        "--messaging-limit", "MANY", "--redelivery-factor", "-1",
    )  # fmt: skip
    assert sorted(line.split()[0] for line in lines) == [
        "--account-id", "--app-secret", "--batch", "--delays", "--keep", "--listen",
        "--messaging-limit", "--phone-number-id", "--rate", "--redelivery-factor", "--token",
        "--webhook",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "option", "says"),
    [
        (["--webhook", "https://a.example/"], "--webhook", "http://"),
        (["--webhook", "http://a:99999/"], "--webhook", "http://"),
        (["--listen", "9100"], "--listen", "host:port"),
        (["--listen", "127.0.0.1:70000"], "--listen", "65535"),
        (["--delays", "1,2"], "--delays", "three numbers"),
        (["--delays", "1,2,-3"], "--delays", "negative"),
        (["--delays", "1,2,nan"], "--delays", "negative"),
        (["--token", "a b"], "--token", "blank"),
        (["--app-secret", "grün"], "--app-secret", "ASCII"),
        (["--phone-number-id", "7", "--phone-number-id", "7"], "--phone-number-id", "differ"),
        (["--account-id", "100000000000001"], "--phone-number-id", "account"),
        (
            [part for n in range(7) for part in ("--phone-number-id", str(n))],
            "--phone-number-id",
            "at most",
        ),
    ],
)
def test_one_thing_that_cannot_be(arguments, option, says):
    (line,) = refused(*ARGUMENTS, *arguments)
    assert line.startswith(f"{option} ")
    assert says in line


async def test_an_address_of_another_machine_is_said_in_one_line():
    done = await trio.run_process(
        command(*ARGUMENTS, "--listen", "192.0.2.1:9100"), check=False, capture_stderr=True
    )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: the sandbox cannot listen on 192.0.2.1:9100: ")
    assert len(done.stderr.splitlines()) == 1


async def test_importing_the_command_is_cheap():
    code = (
        "import sys, gateway_sandbox.cli; sys.exit('trio' in sys.modules or 'h11' in sys.modules)"
    )
    done = await trio.run_process([sys.executable, "-c", code], check=False)
    assert done.returncode == 0


def test_in_a_process_settings_tell_everything_too():
    with pytest.raises(SettingsError) as caught:
        Settings(
            token="", app_secret="", display_numbers=("you",), rate_burst=0.5, limit_code=1234567,
            rate_http=200, allowed_recipients=("you",),
        )  # fmt: skip
    assert set(caught.value.problems) == {
        "token", "app_secret", "display_numbers", "rate_burst", "limit_code", "rate_http",
        "allowed_recipients",
    }  # fmt: skip
    assert "token is missing" in str(caught.value)
    assert "secret-of-mine" not in repr(
        Settings(token="secret-of-mine", app_secret="secret-of-mine")
    )


def test_a_week_of_redelivery_takes_less_than_a_minute():
    week = 7 * 24 * 3600
    assert 0.98 * week < sum(SEVEN_DAYS) <= week
    assert sum(SEVEN_DAYS) * REDELIVERY_FACTOR < 60
    assert list(SEVEN_DAYS[:9]) == sorted(SEVEN_DAYS[:9])
