"""`gateway check`, `order` and `plugins`: what the settings mean, before anything runs."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import clean, columns, lines, padded, several, short
from gateway.cli.words import table as aligned
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.assembly import Parts
    from gateway.discovery import Catalogue, Found

WRONG = 2

MOMENTS = {
    "screen": "once per message, before anybody is looked up",
    "process": "once per delivery, just before it goes",
    "limits": "how fast and when a delivery may go",
    "send": "the senders",
}


def _assembled(target: Target) -> tuple[Parts, Catalogue]:
    from gateway.assembly import assemble
    from gateway.discovery import discover

    catalogue = discover()
    return assemble(target.file, catalogue), catalogue


@click.command()
@click.option("--show", "whole", is_flag=True, help="All settings in force, secrets masked.")
@click.option("--compliance", is_flag=True, help="What is missing for lawful operation.")
@click.option("--offline", is_flag=True, help="With --compliance: do not read the privacy notice.")
@json_option
@click.pass_context
def check(
    context: click.Context, whole: bool, compliance: bool, offline: bool, as_json: bool
) -> None:
    """Are the settings right?  Every problem, with its file and key.

    Exit status 0 if they are, 2 if not; with --compliance 1 if something is missing.
    """
    target = context.ensure_object(Target)
    try:
        parts, catalogue = _assembled(target)
    except ConfigError as error:
        if as_json:
            show_json({"ok": False, "problems": list(error.problems)})
        else:
            for problem in error.problems:
                click.echo(clean(problem), err=True)
            count = several(len(error.problems), "problem")
            click.echo(f"{count}; a gateway that runs keeps its old settings", err=True)
        context.exit(WRONG)
    if compliance:
        context.exit(_compliance(target, parts.config.company.name, not offline, as_json))
    unused = [f"{b.name} ({b.origin}): {b.reason}" for b in catalogue.broken]
    if as_json:
        answer: dict[str, Any] = {"ok": True, "problems": [], "broken_plugins": unused}
        show_json(answer | ({"settings": parts.settings} if whole else {}))
        return
    if whole:
        import tomli_w

        show(tomli_w.dumps(parts.settings).rstrip())
        return
    config = parts.config
    page = [f"{target.file} is right."]
    page += lines("chain", [" → ".join(config.chain) or "empty"], columns())
    page += lines("senders", [f"{n} ({t.plugin})" for n, t in config.senders.items()], columns())
    page += lines("inputs", [f"{n} ({t.plugin})" for n, t in config.inputs.items()], columns())
    page += lines("topics", list(config.topics), columns())
    others = [
        f"{name} ({type(one).name})"
        for name, one in parts.observers.items()
        if name not in config.chain and name not in config.inputs
    ]
    page += lines("others", others, columns())
    page += lines("unused", [f"a broken plugin, {text}" for text in unused], columns())
    show(clean(page))


def _compliance(target: Target, company: str, online: bool, as_json: bool) -> int:
    """Show what is missing for lawful operation; 1 if something is."""
    with target.opened() as gateway:
        found = gateway.call("compliance", online=online)
    missing = [concern for concern in found if concern["weight"] == "missing"]
    if as_json:
        show_json({"ok": not missing, "concerns": found})
        return 1 if missing else 0
    verdict = (
        f"{several(len(missing), 'thing')} missing for lawful operation"
        if missing
        else "Nothing that this check knows of is missing"
    )
    page = [click.style(f"{company}: {verdict}.", bold=True)]
    for concern in found:
        page += ["", *lines(concern["weight"], [clean(concern["text"])], columns())]
        page += lines("do", [clean(concern["change"])], columns())
    page += ["", "No legal advice; docs/law.md says why each point is asked."]
    show(page)
    return 1 if missing else 0


@click.command()
@json_option
@click.pass_obj
def order(target: Target, as_json: bool) -> None:
    """Who looks at a message at which moment, in which order, and where each comes from."""
    from gateway.pipeline import Pipeline

    parts, _ = _assembled(target)
    moments: dict[str, list[tuple[str, str]]] = {
        moment: [(plugin.label, type(plugin).name) for plugin in chain]
        for moment, chain in Pipeline(parts.chain, salt=parts.salt).moments().items()
    }
    moments["send"] = [(name, type(plugin).name) for name, plugin in parts.senders.items()]
    rows = {
        moment: [
            {"label": label, "plugin": plugin, "distribution": parts.origins[label]}
            for label, plugin in found
        ]
        for moment, found in moments.items()
    }
    if as_json:
        show_json(rows)
        return
    cells = [
        [
            f"{number}" if moment != "send" else "",
            row["label"] if row["label"] == row["plugin"] else f"{row['label']} ({row['plugin']})",
            row["distribution"],
        ]
        for moment, found in rows.items()
        for number, row in enumerate(found, 1)
    ]
    body = iter(aligned(cells))
    page = []
    for moment, found in rows.items():
        page.append(f"{click.style(padded(moment, 9), bold=True)}{MOMENTS.get(moment, '')}")
        page += [f"         {next(body)}" for _ in found] or ["         nobody"]
    show(page)


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """What is installed, what it is, and what is broken, with the reason."""
    from gateway.discovery import discover

    catalogue = discover()
    found = sorted(catalogue.plugins.values(), key=lambda f: (f.origin, f.kinds, f.name))
    if as_json:
        show_json(
            {
                "plugins": [
                    {"name": f.name, "kinds": f.kinds, "distribution": f.origin, "about": _about(f)}
                    for f in found
                ],
                "broken": [
                    {"name": b.name, "distribution": b.origin, "reason": b.reason}
                    for b in catalogue.broken
                ],
            }
        )
        return
    heads = aligned([[f.name, " + ".join(f.kinds)] for f in found])
    widest = max(map(len, heads), default=0)
    page: list[str] = []
    origin = ""
    for plugin, head in zip(found, heads, strict=True):
        if plugin.origin != origin:
            origin = plugin.origin
            page.append(click.style(origin, bold=True))
        page.append(f"  {head:{widest}}  {short(_about(plugin), columns() - widest - 4)}".rstrip())
    if catalogue.broken:
        page.append(click.style("broken", bold=True, fg="red"))
        for broken in catalogue.broken:
            page += [
                f"  {line}"
                for line in lines(
                    broken.name,
                    [clean(f"({broken.origin}) {broken.reason}")],
                    columns() - 2,
                    indent=widest + 2,
                )
            ]
    show(page or ["No plugin is installed."])


def _about(found: Found) -> str:
    return str(clean(inspect.cleandoc(found.cls.__doc__ or "").split("\n")[0]))
