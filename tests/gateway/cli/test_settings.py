"""`gateway check`: whatever is wrong with the settings is said, and the exit status says so."""

import json

import pytest

from gateway.cli.words import clean
from tests.gateway.cli.conftest import SETTINGS

LEAK = "EAAGm0PX4ZCpsBAMZBZCmLZC"
SECRET = '{ secret = "token" }'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", ["chain: is missing", "[company]: is missing", "[senders]: name at least one sender"]),
        (SETTINGS.encode("utf-16"), ["is saved as UTF-16"]),
        (SETTINGS.encode("latin-1"), ["line 9 holds a character that is not UTF-8"]),
        (b"chain = [", ["is no TOML: at its end"]),
        (f"token = {LEAK}".encode(), ["is no TOML: line 1, column 9"]),
        (SETTINGS.replace('"gate"', '"gaet"').encode(), ["chain: there is no middleware 'gaet'"]),
        (SETTINGS.replace("[topics.blog]", "[topcis.blog]").encode(), ["did you mean 'topics'?"]),
        (SETTINGS.replace('"wire"', '"wier"').encode(), ["[senders.main] output: there is no output"]),
        (SETTINGS.replace('"feed"', '"torn"').encode(), ["[inputs.feed] plugin: plugin 'torn' (others"]),
        (SETTINGS.replace(SECRET, f'"{LEAK}"').encode(), ["token: a secret is never written here"]),
        (SETTINGS.replace('"token" }', f'"{LEAK}" }}').encode(), ["token: the secret itself seems"]),
        (SETTINGS.replace('"token" }', '"tokne" }').encode(), ["; did you mean 'token'?"]),
        (
            SETTINGS.replace("title", "titel").replace("output", "ouput").encode(),
            ["[topics.blog] titel: unknown key", "[topics.blog] title: is missing",
             "[senders.main] output: is missing"],
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(gateway, settings, data, said):
    """On stderr with the file's path, nothing on stdout, exit status 2; the same as JSON."""
    settings.write_bytes(data)
    found = gateway("check")
    assert (found.exit_code, found.stdout) == (2, "")
    *problems, last = found.stderr.splitlines()
    assert len(problems) == len(said)
    assert last.startswith(f"{len(said)} problem")
    for sentence in said:
        assert any(sentence in problem for problem in problems), problems
    assert all(problem.startswith("gateway.toml: ") for problem in problems)
    assert LEAK not in found.stderr
    as_json = gateway("check", "--json")
    assert as_json.exit_code == 2
    assert clean(json.loads(as_json.stdout)) == {"ok": False, "problems": problems}


def test_what_is_right_is_said(gateway, settings):
    """Exit status 0, also for a file of another editor."""
    settings.write_bytes(SETTINGS.replace("\n", "\r\n").encode("utf-8-sig"))
    found = gateway("check")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout.startswith("gateway.toml is right.")


@pytest.mark.parametrize(
    ("command", "path"), [("check", "none.toml"), ("check", "."), ("run", "none.toml"), ("order", ".")]
)  # fmt: skip
def test_no_file(gateway, folder, command, path):
    """A file that is none is exit status 2 for every command."""
    found = gateway("--config", path, command)
    assert found.exit_code == 2
    assert path in found.stderr
