"""A gateway of stub plugins, so that nothing here depends on the real ones."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.api import Input, Middleware, Output, PluginConfig, Secret, Text
from gateway.cli import cli
from gateway.discovery import Broken, Catalogue, Found

SETTINGS = """
chain = ["gate"]
[company]
name = "Beispiel GmbH"
[senders.main]
output = "wire"
token = { secret = "token" }
[topics.blog]
title = "Neue Beiträge"
purpose = "Hinweise auf neue Blogbeiträge"
[inputs.feed]
plugin = "feed"
"""


class WireConfig(PluginConfig):
    token: Secret


class Wire(Output):
    """Sends nowhere."""

    name = "wire"
    identity_kinds = ("phone",)
    config: WireConfig

    async def compose(self, message, topic):
        return [Text(body=message.text or message.title)]

    async def send(self, delivery):
        return "id"


class Gate(Middleware):
    """Lets everything pass."""

    name = "gate"

    async def process(self, delivery):
        return delivery


class Feed(Input):
    name = "feed"


def catalogue():
    found = [
        Found("wire", Wire, ("output",), WireConfig, "stubs 1.0"),
        Found("gate", Gate, ("middleware",), PluginConfig, "stubs 1.0"),
        Found("feed", Feed, ("input",), PluginConfig, "others 2.0"),
    ]
    broken = (Broken("torn", "others 2.0", "importing torn failed: \x1b[31mImportError"),)
    return Catalogue({f.name: f for f in found}, broken)


@pytest.fixture(autouse=True)
def stubs(monkeypatch):
    monkeypatch.setattr("gateway.discovery.discover", catalogue)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with settings, in which the commands are called."""
    (tmp_path / "gateway.toml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("hush-hush")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def gateway(folder):
    """Call a command; `gateway("status")` gives click's Result.  Bugs are raised."""

    def call(*arguments: str, input: str | None = None):
        result = CliRunner().invoke(cli, arguments, input=input, prog_name="gateway")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return call


@pytest.fixture
def settings(folder) -> Path:
    return folder / "gateway.toml"
