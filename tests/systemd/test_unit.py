"""The units are accepted, hardened, and fit the settings that are shipped."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from gateway.config import Service
from gateway.web import GRACE
from tests.config.shipped import CONFIG, read, secret_names
from tests.needs import need

UNITS = Path(__file__).parents[2] / "systemd"
UNIT = UNITS / "message-gateway.service"
EXPOSED = 2.0
"""Most exposure that systemd-analyze may find, of 10."""


def values(key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)


def seconds(key: str) -> float:
    return float(values(key)[0])


@pytest.fixture
def units(tmp_path: Path) -> list[str]:
    """The units with a program that is there."""
    for unit in UNITS.iterdir():
        text = unit.read_text(encoding="utf-8")
        text = text.replace("/opt/message-gateway/bin/gateway", "/bin/true")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    return [str(file) for file in tmp_path.iterdir()]


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [need("systemd-analyze"), *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_takes_every_line(units: list[str]) -> None:
    """An unknown key is only a warning, and the exit status 0."""
    done = analyze("verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


def test_they_are_hardened(units: list[str]) -> None:
    services = [unit for unit in units if unit.endswith(".service")]
    assert len(services) == 2
    for service in services:
        done = analyze("security", "--offline=true", "--no-pager", service)
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        assert found is not None, done.stderr
        assert float(found[1]) <= EXPOSED, done.stdout


def test_it_waits_long_enough_for_a_clean_stop() -> None:
    assert seconds("TimeoutStopSec") > Service().grace + GRACE + 5
    assert values("Type") == ["notify"]
    assert seconds("WatchdogSec") >= 10
    assert values("Restart") == ["always"]


def test_it_fits_the_settings() -> None:
    """Every secret has its credential, every path lies in a folder that the unit owns."""
    settings = read(CONFIG / "gateway.toml")
    credentials = dict(one.split(":") for one in values("LoadCredential"))
    assert set(credentials) == set(secret_names(settings))
    for name, path in credentials.items():
        assert path == f"/etc/message-gateway/secrets/{name}"
    assert settings["store"]["path"].startswith(f"/var/lib/{values('StateDirectory')[0]}/")
    assert settings["server"]["admin"].startswith(f"/run/{values('RuntimeDirectory')[0]}/")
    assert "GATEWAY_CONFIG=/etc/message-gateway/gateway.toml" in values("Environment")
