"""Mail: what a letter says of itself, and what becomes of it at the server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trio

from gateway import mailing
from gateway.duties import Mail
from gateway.errors import MailError
from gateway.fake_services import FakeClock
from gateway.mailing import letter, send_mail
from gateway.secret import Secret
from tests.gateway.smtp import SmtpServer, certificate, smtp

TO = "redaktion@blog.example"
PASSWORD = "hunter2 of this test"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with smtp() as made:
        yield made


def plain(server: SmtpServer, **more: Any) -> Mail:
    return Mail(host="localhost", port=server.port, security="none", **more)


def mail(**more: Any) -> EmailMessage:
    text = {"text": "Grüße\n.\nEnde", **more}
    subject = text.pop("subject", "Eine Frage: schöne Grüße?")
    return letter("gateway@blog.example", TO, subject, text.pop("text"), **text)


async def threads_ended() -> None:
    """Wait until no thread works on a mail any more: each holds one of few tokens."""
    borrowers = [object() for _ in range(mailing.AT_ONCE)]
    with trio.fail_after(5):
        for one in borrowers:
            await mailing._threads.acquire_on_behalf_of(one)
    for one in borrowers:
        mailing._threads.release_on_behalf_of(one)


# --- letters ------------------------------------------------------------------------------------
def test_a_letter_says_what_it_is() -> None:
    made = mail(name="Müller & Söhne", html="<p>Grüße</p>", clock=FakeClock())
    assert made["Date"] == "Mon, 02 Mar 2026 09:00:00 +0000"
    assert made["Auto-Submitted"] == "auto-generated"
    assert made["Message-ID"].endswith("@blog.example>")
    assert made["From"].addresses[0].display_name == "Müller & Söhne"
    assert [part.get_content_type() for part in made.walk()][1:] == ["text/plain", "text/html"]
    assert letter("a@b.example", TO, "x", "y")["Message-ID"] != made["Message-ID"]


def test_a_letter_may_have_its_own_id() -> None:
    """By which a mail that is sent again is known."""
    made = mail(headers={"Message-ID": "<case-1@blog.example>", "Auto-Submitted": "no"})
    assert made.get_all("Message-ID") == ["<case-1@blog.example>"]
    assert made.get_all("Auto-Submitted") == ["no"]


@pytest.mark.parametrize(
    "bad", ["x\r\nBcc: a@b.example", "x\nBcc: a@b.example", "x\u2028Bcc: y", "a\0b"]
)
def test_a_line_break_adds_no_header(bad: str) -> None:
    made = mail(subject=bad, name=bad, headers={"X-About": bad})
    raw = made.as_bytes()
    assert made["Bcc"] is None
    assert b"\nBcc:" not in raw
    assert b"\0" not in raw


@pytest.mark.parametrize(
    ("to", "headers"),
    [
        ("nobody", {}),
        ("", {}),
        ("a@b.example, c@d.example", {}),
        ("a@b.example\r\nBcc: c@d.example", {}),
        ("A <a@b.example>", {}),
        (TO, {"Bcc": "c@d.example"}),
        (TO, {"to": "c@d.example"}),
        (TO, {"Content-Type": "text/html"}),
        (TO, {"X-A: b\r\nBcc": "c@d.example"}),
        (TO, {"Message-ID": "no id"}),
    ],
)
def test_what_is_no_address_or_header_is_refused(to: str, headers: dict[str, str]) -> None:
    with pytest.raises(MailError) as caught:
        letter("a@b.example", to, "x", "y", headers=headers)
    assert not caught.value.passing
    assert "c@d.example" not in str(caught.value)


# --- at the server ------------------------------------------------------------------------------
async def test_a_mail_arrives_whole(server: SmtpServer) -> None:
    await send_mail(plain(server), mail(html="<p>Grüße</p>"))
    (got,) = server.mails
    assert got["Subject"] == "Eine Frage: schöne Grüße?"
    body = got.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Grüße", ".", "Ende"]
    assert server.envelopes == [("mail FROM:<gateway@blog.example>", f"rcpt TO:<{TO}>")]
    assert server.heard[0].lower() == "ehlo blog.example"  # and not this machine's name


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_login_goes_over_tls_alone(tmp_path: Path, security: Any) -> None:
    ours, trust = certificate(tmp_path)
    with smtp(ours, at_once=security == "tls") as server:
        settings = Mail(
            host="localhost", port=server.port, security=security, user="gateway",
            password=Secret(PASSWORD),
        )  # fmt: skip
        await send_mail(settings, mail(), trust=trust)
        assert len(server.mails) == 1
    commands = [words.partition(" ")[0].upper() for words in server.heard]
    first = ["EHLO", "STARTTLS"] if security == "starttls" else []
    assert commands[: len(first) + 2] == [*first, "EHLO", "AUTH"]


@pytest.mark.parametrize(("name", "trusted"), [("other.example", True), ("localhost", False)])
@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_that_does_not_fit_gets_nothing(
    tmp_path: Path, security: Any, name: str, trusted: bool
) -> None:
    """Neither one of somebody else nor one that nobody vouches for; waiting does not mend it."""
    ours, trust = certificate(tmp_path, name)
    with smtp(ours, at_once=security == "tls") as server:
        settings = Mail(
            host="localhost", port=server.port, security=security, user="gateway",
            password=Secret(PASSWORD),
        )  # fmt: skip
        with pytest.raises(MailError, match="is not trusted") as caught:
            await send_mail(settings, mail(), trust=trust if trusted else None)
        assert server.mails == []
        assert not any(words.upper().startswith("AUTH") for words in server.heard)
    assert not caught.value.passing


async def test_a_server_without_starttls_gets_nothing(server: SmtpServer) -> None:
    """An attacker who takes the offer away gets no mail in the clear."""
    settings = Mail(host="localhost", port=server.port, security="starttls")
    with pytest.raises(MailError) as caught:
        await send_mail(settings, mail())
    assert (caught.value.passing, server.mails) == (False, [])


@pytest.mark.parametrize(
    ("command", "answer", "passing", "says"),
    [
        ("connect", "421 busy", True, "refuses the mail (421)"),
        ("connect", "554 go away", False, "refuses the mail (554)"),
        ("connect", None, True, "hung up"),
        ("EHLO", None, True, "hung up"),
        ("MAIL", "451 4.7.1 greylisted", True, "refuses the sender (451 4.7.1)"),
        ("MAIL", "553 5.7.1 not yours", False, "refuses the sender (553 5.7.1)"),
        ("RCPT", f"550 5.1.1 <{TO}>: no such user", False, "refuses the recipient (550 5.1.1)"),
        ("RCPT", "452 4.2.2 full", True, "refuses the recipient (452 4.2.2)"),
        ("RCPT", "421 closing", True, "(421)"),
        ("DATA", "554 no", False, "(554)"),
        ("sent", "552 5.3.4 too big", False, "(552 5.3.4)"),
        ("sent", "452 4.3.1 later", True, "(452 4.3.1)"),
        ("sent", None, True, "hung up"),
    ],
)
async def test_what_a_server_says_is_told_in_one_sentence(
    server: SmtpServer, command: str, answer: str | None, passing: bool, says: str
) -> None:
    """With whether waiting helps, and without what the server said, which may hold addresses."""
    server.answers[command] = answer
    with pytest.raises(MailError) as caught:
        await send_mail(plain(server), mail())
    assert caught.value.passing is passing
    assert says in str(caught.value)
    assert TO not in str(caught.value)


@pytest.mark.parametrize(("code", "passing"), [(535, False), (454, True)])
async def test_a_refused_login(tmp_path: Path, code: int, passing: bool) -> None:
    ours, trust = certificate(tmp_path)
    with smtp(ours) as server:
        server.answers["AUTH"] = f"{code} no {PASSWORD}"
        settings = Mail(
            host="localhost", port=server.port, user="gateway", password=Secret(PASSWORD)
        )
        with pytest.raises(MailError, match="refuses the login") as caught:
            await send_mail(settings, mail(), trust=trust)
    assert caught.value.passing is passing
    assert PASSWORD not in f"{caught.value}{caught.value.__cause__}"


async def test_tls_and_no_tls_are_not_mixed_up(server: SmtpServer) -> None:
    """Port of the one, security of the other: said so."""
    settings = Mail(host="localhost", port=server.port, security="tls")
    with pytest.raises(MailError, match="does not speak TLS") as caught:
        await send_mail(settings, mail())
    assert not caught.value.passing


async def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(MailError, match="cannot be reached") as caught:
        await send_mail(Mail(host="localhost", port=port, security="none"), mail())
    assert caught.value.passing


async def test_no_server_set() -> None:
    with pytest.raises(MailError, match="no mail server is set"):
        await send_mail(Mail(), mail())


@pytest.mark.parametrize("silent", ["connect", "EHLO", "RCPT", "sent"])
async def test_a_server_that_hangs_holds_nobody_up(
    server: SmtpServer, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time the line is cut, so that the thread ends too, and the loop was free."""
    monkeypatch.setattr(mailing, "TIMEOUT", 0.3)
    server.answers[silent] = ""
    turns = 0

    async def tick() -> None:
        nonlocal turns
        while True:
            await trio.sleep(0.02)
            turns += 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tick)
        with pytest.raises(MailError) as caught:
            await send_mail(plain(server), mail())
        nursery.cancel_scope.cancel()
    assert caught.value.passing
    assert turns > 5
    await threads_ended()


async def test_a_mail_that_was_taken_waits_for_no_goodbye(server: SmtpServer) -> None:
    """Else a server that is slow to say it would get the mail once more."""
    server.answers["QUIT"] = ""
    with trio.fail_after(5):
        await send_mail(plain(server), mail())
    assert len(server.mails) == 1


async def test_a_cancelled_mail_lets_its_thread_end(server: SmtpServer) -> None:
    """A daemon that stops does not wait for a mail server."""
    server.answers["EHLO"] = ""
    with trio.move_on_after(0.2) as scope:
        await send_mail(plain(server), mail())
    assert scope.cancelled_caught
    await threads_ended()
