"""Mail: letters as RFC 5322 wants them, handed to the company's SMTP server in a worker thread."""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid

import trio

from gateway.clock import SystemClock
from gateway.duties import Mail
from gateway.errors import MailError

TIMEOUT = 30.0
"""Seconds for one mail, from the name look-up to the server's last answer."""
AT_ONCE = 2

OURS = frozenset({"from", "to", "cc", "bcc", "subject", "date", "reply-to", "mime-version"})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_MESSAGE_ID = re.compile(r"<[!-;=?A-~]+@[!-;=?A-~]+>")
_ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")  # RFC 3463

_threads = trio.CapacityLimiter(AT_ONCE)


def letter(
    sender: str,
    to: str,
    subject: str,
    text: str,
    *,
    name: str = "",
    html: str = "",
    reply_to: str = "",
    headers: Mapping[str, str] | None = None,
    clock: SystemClock | None = None,
) -> EmailMessage:
    """Return a mail from `name` <`sender`>; each address is one address without a name.

    What breaks a line in a header becomes a space.  `headers` adds further ones; with a
    `Message-ID` of its own, a mail that is sent again is known by it.  Raises MailError for what
    is no address or no header.
    """
    message = EmailMessage(SMTP)
    message["From"] = _address(sender, name)
    message["To"] = _address(to)
    if reply_to:
        message["Reply-To"] = _address(reply_to)
    message["Subject"] = _line(subject)
    message["Date"] = format_datetime((clock or SystemClock()).now())
    for key, value in (headers or {}).items():
        if not _NAME.fullmatch(key) or key.lower() in OURS or key.lower().startswith("content-"):
            raise MailError("a header of the mail has no name that may be set", passing=False)
        if key.lower() == "message-id" and not _MESSAGE_ID.fullmatch(value):
            raise MailError("the mail's Message-ID is none; write <…@…>", passing=False)
        message[key] = _line(value)
    if "Message-ID" not in message:
        # Without a domain the standard library asks the network for this machine's name.
        message["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    if "Auto-Submitted" not in message:
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message


async def send_mail(
    mail: Mail, message: EmailMessage, *, trust: ssl.SSLContext | None = None
) -> None:
    """Hand a mail to the server of `[mail]`.  Raises MailError, also if no server is set.

    `trust` is the TLS context, by default with the system's authorities.
    """
    if not mail.host:
        raise MailError("no mail server is set: [mail] host", passing=False)
    domain = str(message["From"]).rpartition("@")[2].strip(" >") or "localhost"
    line = _Line(mail, trust or ssl.create_default_context(), domain)
    try:
        with trio.fail_after(TIMEOUT):
            await trio.to_thread.run_sync(
                line.carry, message, abandon_on_cancel=True, limiter=_threads
            )
    except trio.TooSlowError:
        raise MailError(f"{_where(mail)} took longer than {TIMEOUT:g} s", passing=True) from None
    finally:
        line.cut()


class _Line:
    """One connection, which the event loop can cut while a thread waits for it."""

    def __init__(self, mail: Mail, trust: ssl.SSLContext, domain: str) -> None:
        self.mail = mail
        self.trust = trust
        # Its name is given, since the standard library would look it up, here and now.
        self.smtp = (
            smtplib.SMTP_SSL(timeout=TIMEOUT, local_hostname=domain, context=trust)
            if mail.security == "tls"
            else smtplib.SMTP(timeout=TIMEOUT, local_hostname=domain)
        )
        # Both take the name to check the certificate against from their constructor alone.
        self.smtp._host = mail.host  # type: ignore[attr-defined]

    def cut(self) -> None:
        """End whatever the thread waits for."""
        sock = self.smtp.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def carry(self, message: EmailMessage) -> None:
        """Speak SMTP; in the thread.  Raises MailError."""
        mail, smtp = self.mail, self.smtp
        try:
            code, answer = smtp.connect(mail.host, mail.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, answer)
            if mail.security == "starttls":
                smtp.starttls(context=self.trust)
            if mail.user and mail.password is not None:
                smtp.login(mail.user, mail.password.reveal())
            smtp.send_message(message)
            with suppress(OSError, smtplib.SMTPException):
                smtp.putcmd("quit")  # the mail is taken; nothing more is waited for
        except (OSError, smtplib.SMTPException, ValueError, MessageError) as error:
            smtp.close()
            # The server's words may hold addresses, and a traceback the password: neither goes on.
            raise _named(error, _where(mail)) from None
        finally:
            smtp.close()


def _named(error: Exception, where: str) -> MailError:
    """Say what went wrong, and whether waiting may mend it."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return _answered(f"{where} refuses the login: [mail] user, password", error)
        case smtplib.SMTPRecipientsRefused():
            answers = list(error.recipients.values())
            (code, words), *_ = answers or [(550, b"")]
            refused = smtplib.SMTPResponseException(code, words)
            return _answered(f"{where} refuses the recipient", refused)
        case smtplib.SMTPSenderRefused():
            return _answered(f"{where} refuses the sender", error)
        case smtplib.SMTPResponseException():
            return _answered(f"{where} refuses the mail", error)
        case smtplib.SMTPServerDisconnected():
            return MailError(f"{where} hung up", passing=True)
        case smtplib.SMTPNotSupportedError():
            return MailError(f"{where} cannot do what [mail] asks of it", passing=False)
        case ssl.SSLCertVerificationError():
            why = error.verify_message.partition(" '")[0].rstrip(".,")
            return MailError(f"the certificate of {where} is not trusted: {why}", passing=False)
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return MailError(f"{where} hung up", passing=True)
        case ssl.SSLError():
            hint = "[mail] port and security belong together"
            return MailError(f"{where} does not speak TLS as asked: {hint}", passing=False)
        case OSError():
            return MailError(f"{where} cannot be reached", passing=True)
        case _:
            return MailError("the mail cannot be written", passing=False)


def _answered(what: str, error: smtplib.SMTPResponseException) -> MailError:
    """A code below 500 passes by itself (RFC 5321, 4.2.1)."""
    code, words = error.smtp_code, error.smtp_error
    raw = words if isinstance(words, bytes) else str(words).encode()
    more = _ENHANCED.match(raw)
    said = f"{code} {more[1].decode()}" if more else str(code)
    return MailError(f"{what} ({said})", passing=not 500 <= code < 600)


def _where(mail: Mail) -> str:
    return f"the mail server {mail.host}:{mail.port}"


def _address(address: str, name: str = "") -> Address:
    try:
        return Address(_line(name), addr_spec=address)
    except (ValueError, IndexError, MessageError):
        raise MailError("a mail address of it is none", passing=False) from None


def _line(text: str) -> str:
    """On one line: nothing can add a header."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
