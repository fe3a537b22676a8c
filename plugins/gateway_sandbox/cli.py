"""`gateway sandbox`: run the stand-in until it is stopped."""

from __future__ import annotations

import click

from gateway_sandbox.settings import DEFAULT_ACCOUNT_ID, DEFAULT_NUMBER_ID, Settings


@click.command()
@click.option(
    "--listen", default="127.0.0.1:9100", show_default=True, help="host:port; port 0: any."
)
@click.option("--webhook", default=None, help="Where events go, http://…; without it nowhere.")
@click.option("--app-secret", required=True, help="Signs the webhooks.")
@click.option("--token", required=True, help="The access token that is accepted.")
@click.option(
    "--phone-number-id",
    "numbers",
    multiple=True,
    default=(DEFAULT_NUMBER_ID,),
    show_default=True,
    help="Up to three times.",
)
@click.option("--account-id", default=DEFAULT_ACCOUNT_ID, show_default=True)
@click.option("--rate", default=80.0, show_default=True, help="Messages per second and number.")
@click.option("--lean", is_flag=True, help="For measuring: little work per request, no statuses.")
@click.option("--statuses/--no-statuses", default=None, help="Default: yes, with --lean no.")
@click.option("--batch", default=1, show_default=True, help="Statuses per POST, at most.")
@click.option(
    "--delays",
    default="0.02,0.06,0.15",
    show_default=True,
    help="Seconds until sent, delivered, read.",
)
@click.option("--keep", default=100_000, show_default=True, help="Accepted sends to remember.")
@click.option("--seed", default=None, help="Fixes ids and random faults.")
def sandbox(
    listen: str,
    webhook: str | None,
    app_secret: str,
    token: str,
    numbers: tuple[str, ...],
    account_id: str,
    rate: float,
    lean: bool,
    statuses: bool | None,
    batch: int,
    delays: str,
    keep: int,
    seed: str | None,
) -> None:
    """A stand-in for the WhatsApp Cloud API on this machine."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter("host:port", param_hint="--listen")
    settings = Settings(
        token=token,
        app_secret=app_secret,
        host=host.strip("[]"),
        port=int(port),
        webhook=webhook,
        account_id=account_id,
        phone_number_ids=numbers,
        rate=rate,
        lean=lean,
        statuses=statuses if statuses is not None else not lean,
        batch=batch,
        delays=_delays(delays),
        keep=keep,
        seed=seed,
    )
    _run(settings)


def _delays(text: str) -> tuple[float, float, float]:
    try:
        sent, delivered, read = (float(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter("three numbers with commas", param_hint="--delays") from None
    return sent, delivered, read


def _run(settings: Settings) -> None:
    import signal

    import trio

    from gateway_sandbox.serve import open_sandbox

    async def main() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with open_sandbox(settings) as running:
                click.echo(f"sandbox listens on {running.url}")
                await anext(aiter(signals))

    problem: BaseException | None = None
    try:
        trio.run(main)
    except* (OSError, ValueError) as group:
        problem = group
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    if problem is not None:
        raise click.ClickException(str(problem))
