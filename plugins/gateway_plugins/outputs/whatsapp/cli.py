"""`gateway templates sync|list`: what Meta approved, as the gateway knows it."""

from __future__ import annotations

import json
from typing import Any

import click


@click.group()
def templates() -> None:
    """Approved templates: fetch the list, or show it."""


@templates.command()
@click.option("--sender", default=None, help="Which sender; by default the only one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def sync(target: Any, sender: str | None, as_json: bool) -> None:
    """Ask Meta for the list now."""
    _show(_ask(target, sender, "templates_sync"), as_json)


@templates.command("list")
@click.option("--sender", default=None, help="Which sender; by default the only one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_(target: Any, sender: str | None, as_json: bool) -> None:
    """Show the list as the gateway knows it."""
    _show(_ask(target, sender, "templates_list"), as_json)


def _ask(target: Any, sender: str | None, command: str) -> list[dict[str, Any]]:
    """Ask the gateway that `gateway` found (its Target) for one sender's list."""
    with target.opened() as gateway:
        senders = [n for n, table in gateway.config.senders.items() if table.plugin == "whatsapp"]
        if sender is None and len(senders) == 1:
            sender = senders[0]
        if sender not in senders:
            known = ", ".join(senders) or "none"
            raise click.UsageError(f"say which one with --sender NAME; WhatsApp senders: {known}")
        found: list[dict[str, Any]] = gateway.call("plugin", label=sender, command=command)
        return found


def _show(found: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo("Meta lists no template for this account; config/templates/ has some to submit")
        return
    width = max(len(template["name"]) for template in found)
    for template in found:
        out = template["way_out"] or "no way out: add a footer or a quick reply"
        click.echo(
            f"{template['name']:<{width}}  {template['language']:<6} {template['status']:<9}"
            f" {template['category']:<10} {out}"
        )
