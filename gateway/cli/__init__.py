"""The command `gateway`.

This module imports click and nothing else that costs time: `gateway --help` has to be there at
once.  Every command lives in a module of its own, imported when it is called.
"""

from __future__ import annotations

from pathlib import Path

import click

from gateway import __version__
from gateway.cli.group import Group, Target

SECTIONS = {
    "Look": {
        "status": ("gateway.cli.status:status", "Does it send, and does anything need you?"),
        "trace": ("gateway.cli.trace:trace", "The whole story of one message for one person."),
        "queue": ("gateway.cli.queue:queue", "What waits, and for what."),
        "observers": (
            "gateway.cli.observers:observers",
            "Who is told what; what could not be told.",
        ),
    },
    "Steer": {
        "pause": ("gateway.cli.steering:pause", "Stop all sending; what is in the air ends."),
        "resume": ("gateway.cli.steering:resume", "Lift that stop."),
        "sender": ("gateway.cli.steering:sender", "List, pause, resume, probe, replace senders."),
        "message": (
            "gateway.cli.messages:message",
            "List, show, plan, approve, pause, resume, cancel, report.",
        ),
        "send": ("gateway.cli.messages:send", "Hand in a message yourself."),
        "contacts": (
            "gateway.cli.contacts:contacts",
            "People: import, show, withdraw, export, erase.",
        ),
        "consent": ("gateway.cli.consent:consent", "The ledger: verify, prove, find, keys."),
        "cases": ("gateway.cli.cases:cases", "What people asked: show, answer, close."),
        "requests": (
            "gateway.cli.cases:requests",
            "Who wants to know what is stored, or to be forgotten.",
        ),
        "retention": ("gateway.cli.retention:retention", "What is kept how long; what goes next."),
        "link": ("gateway.cli.link:link", "The first step as a link, a QR code or a button."),
    },
    "Set up": {
        "run": ("gateway.cli.run:run", "Run the daemon (systemd does this)."),
        "backup": ("gateway.cli.backup:backup", "A whole copy of the database, while it runs."),
        "restore": ("gateway.cli.backup:restore", "Put a backup back; the gateway is stopped."),
        "check": ("gateway.cli.settings:check", "Are the settings right?  --show: all in force."),
        "order": ("gateway.cli.settings:order", "Who looks at a message, in which order."),
        "plugins": ("gateway.cli.settings:plugins", "What is installed, and what is broken."),
    },
}

EPILOG = """\b
Exit status
  0  fine
  1  refused, or only partly done   status: look today
  2  wrong settings or arguments    status: sending stopped
  3  the gateway is not running, or does not answer
\b
Settings: --config, else $GATEWAY_CONFIG, else ./gateway.toml,
else /etc/message-gateway/gateway.toml.
"""


@click.group(
    cls=Group,
    sections=SECTIONS,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="message-gateway", message="%(prog)s %(version)s")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The settings file.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Your blog, forms and CRM to WhatsApp, for people who said yes."""
    context.obj = Target(config)


def main() -> None:
    """Entry point of the command."""
    cli(prog_name="gateway")
