"""`gateway sandbox`: run the stand-in until it is stopped."""

from __future__ import annotations

from typing import Any

import click

from gateway_sandbox.limits import TIERS
from gateway_sandbox.settings import (
    DEFAULT_ACCOUNT_ID,
    DEFAULT_NUMBER_ID,
    REDELIVERY_FACTOR,
    Settings,
    SettingsError,
)

_OPTIONS = {"phone_number_ids": "--phone-number-id", "host": "--listen", "port": "--listen"}


@click.command()
@click.option(
    "--listen", default="127.0.0.1:9100", show_default=True, help="host:port; port 0: any."
)
@click.option("--webhook", default=None, help="Where events go, http://…; without it nowhere.")
@click.option("--app-secret", default="", help="Signs the webhooks.  [required]")
@click.option("--token", default="", help="The access token that is accepted.  [required]")
@click.option("--verify-token", default=None, help="For POST /sandbox/handshake.")
@click.option(
    "--phone-number-id",
    "phone_number_ids",
    multiple=True,
    default=(DEFAULT_NUMBER_ID,),
    show_default=True,
    help="Up to three times.",
)
@click.option(
    "--name", "verified_name", default="Sandbox", show_default=True, help="What phones show above."
)
@click.option("--account-id", default=DEFAULT_ACCOUNT_ID, show_default=True)
@click.option("--rate", default=80.0, show_default=True, help="Messages per second and number.")
@click.option(
    "--messaging-limit",
    default="TIER_UNLIMITED",
    show_default=True,
    help=f"People a day outside windows: {', '.join(TIERS)}.",
)
@click.option("--lean", is_flag=True, help="For measuring: little work per request, no statuses.")
@click.option("--statuses/--no-statuses", default=None, help="Default: yes, with --lean no.")
@click.option("--batch", default=1, show_default=True, help="Statuses per POST, at most.")
@click.option(
    "--delays",
    default="0.02,0.06,0.15",
    show_default=True,
    help="Seconds until sent, delivered, read.",
)
@click.option("--connections", default=8, show_default=True, help="Webhooks under way at once.")
@click.option(
    "--redelivery-factor",
    default=REDELIVERY_FACTOR,
    help="Webhooks that fail come again for seven days times this.  [default: 42 seconds in all]",
)
@click.option("--keep", default=100_000, show_default=True, help="Accepted sends to remember.")
@click.option("--seed", default=None, help="Fixes ids and random faults.")
def sandbox(listen: str, delays: str, statuses: bool | None, lean: bool, **members: Any) -> None:
    """A stand-in for the WhatsApp Cloud API on this machine."""
    problems: dict[str, str] = {}
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        problems["--listen"] = "is host:port, such as 127.0.0.1:9100"
        host, port = "127.0.0.1", "0"
    try:
        sent, delivered, read = (float(part) for part in delays.split(","))
    except ValueError:
        problems["--delays"] = "are three numbers with commas between them"
        sent, delivered, read = 0.0, 0.0, 0.0
    try:
        settings = Settings(
            host=host.strip("[]"),
            port=int(port),
            delays=(sent, delivered, read),
            lean=lean,
            statuses=statuses if statuses is not None else not lean,
            **members,
        )
    except SettingsError as error:
        for name, text in error.problems.items():
            problems.setdefault(_OPTIONS.get(name, f"--{name.replace('_', '-')}"), text)
    if problems:
        width = max(map(len, problems))
        lines = (f"  {option:<{width}}  {text}" for option, text in problems.items())
        raise click.UsageError("the sandbox cannot start so:\n" + "\n".join(lines))
    _run(settings)


def _introduce(url: str, settings: Settings) -> str:
    """What an operator needs to know of a running sandbox."""
    number = settings.phone_number_ids[0]
    return (
        f"sandbox listens on {url}\n"
        "\n"
        "  in the gateway's settings, under [senders.NAME]:\n"
        f'    base_url        = "{url}"\n'
        f'    phone_number_id = "{number}"\n'
        f'    account_id      = "{settings.account_id}"\n'
        "    token and app_secret as given here\n"
        "\n"
        f"  webhooks go to      {settings.webhook or 'nobody: --webhook was not given'}\n"
        f"  phones to look at   {url}/\n"
        f"  faults and the like {url}/sandbox"
    )


def _run(settings: Settings) -> None:
    import signal

    import trio

    from gateway_sandbox.serve import open_sandbox

    async def main() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with open_sandbox(settings) as running:
                click.echo(_introduce(running.url, settings))
                await anext(aiter(signals))

    problem: BaseException | None = None
    try:
        trio.run(main)
    except* OSError as group:
        problem = group
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    if problem is not None:
        where = f"{settings.host}:{settings.port}"
        raise click.ClickException(f"the sandbox cannot listen on {where}: {problem}")
