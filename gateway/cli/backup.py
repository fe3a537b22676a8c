"""`gateway backup` and `restore`: a whole copy while it runs, and back again."""

from __future__ import annotations

import os
import time
from pathlib import Path

import click

from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import Times, number, several

NICE = 10


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_obj
def backup(target: Target, file: Path, as_json: bool) -> None:
    """Write a whole, checked copy of the database into FILE.

    The gateway may run and send meanwhile.  A FILE of that name is replaced once the new one is
    whole.
    """
    from gateway.backup import back_up

    at = time.time_ns() // 1000
    with target.opened() as session:
        config = session.config
        if file.resolve() == config.database.resolve():
            raise Trouble(f"{file} is the database itself; name another file", code=2)
        os.nice(NICE)  # whoever sends comes first
        size = back_up(config.database, file, at=at)
        session.call("backed_up", at=at)
    if as_json:
        show_json({"file": str(file), "bytes": size, "at": at})
        return
    show(
        [
            f"{file}: {_megabytes(size)}, whole, and readable for you alone.",
            "It holds people's numbers and the proofs of their consent: keep it encrypted, on"
            " another machine.",
            f"Without the folder {config.keys} it is worth little: keep that too, in another place.",
        ]
    )


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_obj
def restore(target: Target, file: Path, as_json: bool) -> None:
    """Put the backup FILE in the place of the database.

    The gateway has to be stopped.  What is there now is kept beside it.  At the next start,
    withdrawals and sends after the backup are taken from the replay file, and marketing is held
    until `gateway resume`.
    """
    from gateway.backup import put_back
    from gateway.cli.reach import listening
    from gateway.config import load
    from gateway.keys import Keys
    from gateway.lock import only_writer

    config, problems = load(target.file)
    problems.check()
    if listening(config):
        raise Trouble("the gateway runs; stop it first: systemctl stop message-gateway")
    keys = Keys(config.keys)
    key = keys.secret("suppression") if keys.read("suppression.key") is not None else None
    now = time.time_ns() // 1000
    with only_writer(config.database):
        done = put_back(file, config.database, key, at=now)
    if as_json:
        show_json(
            {
                "made_at": done.made_at, "bytes": done.bytes, "withdrawals": done.withdrawals,
                "sends": done.sends, "unreadable": done.unreadable,
                "aside": str(done.aside) if done.aside else None,
            }
        )  # fmt: skip
        return
    times = Times(config.company.time_zone, now)
    made = f", made {times.stamp(done.made_at)}" if done.made_at else ""
    page = [f"{file}{made}: {_megabytes(done.bytes)}, whole, is the database now."]
    if done.aside:
        page.append(f"What was there lies in {done.aside}; delete it once all is well.")
    if key is None:
        page.append(
            f"The folder {config.keys} is missing, or has no suppression.key: put it back before"
            " the start, or nobody's withdrawal after the backup can be told from the replay file."
        )
    page += [
        f"At the next start {several(done.withdrawals, 'withdrawal')} and"
        f" {several(done.sends, 'send')} after it are taken from the replay file.",
        *(
            [f"{several(done.unreadable, 'piece')} of it cannot be read."]
            if done.unreadable
            else []
        ),
        "Marketing is then held.  Look: gateway message list.  Cancel what must not go on, then:"
        " gateway resume",
    ]
    show(page)


def _megabytes(size: int) -> str:
    return f"{number(-(-size >> 20))} MB"
