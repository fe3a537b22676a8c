"""A question, from the phone by mail to the one who answers, and back to the phone."""

from __future__ import annotations

import re
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx

from tests.gateway.smtp import SmtpServer, smtp
from tests.wire.inprocess import Running, running

PHONE = "+4917139200071"
OTHER = "+4917139200072"
SETTINGS = """
[mail]
host = "localhost"
port = {port}
security = "none"
sender = "gateway@blog.example"
[observers.forward]
to = "redaktion@blog.example"
"""


def body(mail: EmailMessage) -> str:
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


async def mailed(gateway: Running, server: SmtpServer, count: int) -> EmailMessage:
    await gateway.until(lambda: len(server.mails) >= count)
    assert len(server.mails) == count
    return server.mails[-1]


def page_of(gateway: Running, case: int) -> str:
    """The address of the page, as the mail has it once `[server] public_url` is set."""
    token = gateway.daemon._shared.links.token("answer", case)
    (public,) = gateway.daemon.addresses["public"]
    return f"{public}/on/forward/answer/{token}"


def answers(gateway: Running, phone: str) -> list[str]:
    """The texts that a phone got."""
    got = (line.text or "" for line in gateway.sandbox.received() if line.contact == phone)
    return [text for text in got if "20 Uhr" in text]


async def open_cases(gateway: Running) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.call("cases"))["cases"]
    return found


async def test_a_question_is_answered_on_the_page(tmp_path: Path) -> None:
    """The mail names it, the page sends the answer once, the phone gets it, the gauges follow."""
    with smtp() as server:
        async with running(tmp_path, more=SETTINGS.format(port=server.port)) as gateway:
            await gateway.sandbox.say(PHONE, "Habt ihr morgen offen?")
            mail = await mailed(gateway, server, 1)
            assert mail["Subject"] == "Frage #1 per WhatsApp: Habt ihr morgen offen?"
            assert "gateway cases show 1" in body(mail)  # no public address is set here
            assert PHONE not in body(mail)
            (case,) = await gateway.daemon.store.cases()
            page = page_of(gateway, case.id)
            async with httpx.AsyncClient(trust_env=False) as client:
                shown = await client.get(page)
                assert shown.text.count("Habt ihr morgen offen?") == 1
                for _ in range(2):
                    form = {"do": "send", "text": "Ja, bis 20 Uhr."}
                    assert (await client.post(page, data=form)).status_code == 303
                await gateway.until(lambda: answers(gateway, PHONE))
                after = await client.get(page)
            assert "Beantwortet heute" in after.text
            assert len(answers(gateway, PHONE)) == 1
            assert await open_cases(gateway) == []

            def gauge() -> bool:
                text = gateway.daemon.metrics.render()[0].decode()
                found = re.search(r'^gateway_cases_open\{kind="question"\} (\S+)$', text, re.M)
                return found is not None and float(found[1]) == 0

            await gateway.until(gauge)


async def test_while_no_mail_goes_nothing_is_lost(tmp_path: Path) -> None:
    """The status says why; the command line answers meanwhile; what is answered is not mailed."""
    with smtp() as server:
        server.answers["connect"] = "421 busy"
        async with running(tmp_path, more=SETTINGS.format(port=server.port)) as gateway:
            await gateway.sandbox.say(PHONE, "Habt ihr morgen offen?")
            await gateway.until(lambda: gateway.daemon.background.live()["waits"])
            waits = gateway.daemon.background.live()["waits"]["forward"]
            assert waits["why"].endswith("refuses the mail (421)")
            done = await gateway.call("case_answer", case="1", text="Ja, bis 20 Uhr.", by="anna")
            assert done == {"case": 1, "repeated": False}
            await gateway.until(lambda: answers(gateway, PHONE))
            assert server.mails == []
        server.answers.clear()
        async with running(tmp_path, more=SETTINGS.format(port=server.port)) as gateway:
            await gateway.sandbox.say(OTHER, "Und am Samstag?")
            mail = await mailed(gateway, server, 1)
            assert "Samstag" in mail["Subject"]


async def test_what_never_goes_is_kept_and_goes_again(tmp_path: Path) -> None:
    """A recipient that the server refuses: a dead letter, and a mail once it is mended."""
    with smtp() as server:
        server.answers["RCPT"] = "550 5.1.1 no such user"
        async with running(tmp_path, more=SETTINGS.format(port=server.port)) as gateway:
            await gateway.sandbox.say(PHONE, "Habt ihr morgen offen?")

            async def dead() -> list[dict[str, Any]]:
                letters: list[dict[str, Any]] = (await gateway.call("dead_letters"))["letters"]
                return letters

            await gateway.until(dead)
            (letter,) = await dead()
            assert (letter["observer"], letter["name"]) == ("forward", "case.opened")
            assert letter["reason"].endswith("refuses the recipient (550 5.1.1)")
            server.answers.clear()
            await gateway.call("observer_retry", observer="forward")
            await mailed(gateway, server, 1)

            async def none_left() -> bool:
                return not await dead()

            await gateway.until(none_left)
