"""An SMTP server on loopback that answers as it is told; for the tests of mail."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USUAL = {"AUTH": "235 welcome", "DATA": "354 go", "QUIT": "221 bye", "STARTTLS": "220 go"}


class SmtpServer:
    """Takes one connection after the other, and keeps what it heard.

    `answers["MAIL"]` is what it says to that command in place of its own answer (`connect` and
    `sent` are the greeting and the answer to a whole mail): "" says nothing and keeps the line
    open, None hangs up.  `tls`: a server context; offered by STARTTLS, or `at_once`.
    """

    def __init__(self, tls: ssl.SSLContext | None = None, *, at_once: bool = False) -> None:
        self.answers: dict[str, str | None] = {}
        self.mails: list[EmailMessage] = []
        self.envelopes: list[tuple[str, str]] = []
        self.heard: list[str] = []
        self._tls, self._at_once = tls, at_once
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more; wakes the thread, which accepts."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            line.settimeout(10)
            with suppress(OSError, ValueError), ExitStack() as opened:
                self._talk(opened.enter_context(line), opened)

    def _talk(self, line: socket.socket, opened: ExitStack) -> None:
        if self._at_once:
            line = opened.enter_context(self._wrapped(line))
        file = opened.enter_context(line.makefile("rwb"))
        if not self._say(file, "connect", "220 ready"):
            return
        while words := file.readline().decode().strip():
            command = words.partition(" ")[0].upper()
            self.heard.append(words)
            usual = USUAL.get(command, "250 ok")
            if command == "EHLO":
                offers = "250-STARTTLS\r\n" if self._offers(line) else ""
                usual = f"250-here\r\n{offers}250 AUTH PLAIN"
            if not self._say(file, command, usual) or command == "QUIT":
                return
            if command == "STARTTLS":
                line = opened.enter_context(self._wrapped(line))
                file = opened.enter_context(line.makefile("rwb"))
            elif command == "DATA" and (self.answers.get(command) or "354").startswith("354"):
                self._take(file)
                if not self._say(file, "sent", "250 taken"):
                    return

    def _say(self, file: Any, command: str, usual: str) -> bool:
        answer = self.answers.get(command, usual)
        if answer:
            file.write(answer.encode() + b"\r\n")
            file.flush()
        return answer is not None

    def _take(self, file: Any) -> None:
        lines = []
        while (raw := file.readline()) not in (b".\r\n", b""):
            lines.append(raw[1:] if raw.startswith(b"..") else raw)
        mail = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        (sender,) = (w for w in self.heard[-3:] if w.upper().startswith("MAIL"))
        (to,) = (w for w in self.heard[-3:] if w.upper().startswith("RCPT"))
        self.envelopes.append((sender, to))

    def _offers(self, line: socket.socket) -> bool:
        return self._tls is not None and not isinstance(line, ssl.SSLSocket)

    def _wrapped(self, line: socket.socket) -> socket.socket:
        assert self._tls is not None
        return self._tls.wrap_socket(line, server_side=True)


@contextmanager
def smtp(tls: ssl.SSLContext | None = None, *, at_once: bool = False) -> Iterator[SmtpServer]:
    """A server for the time of a block."""
    server = SmtpServer(tls, at_once=at_once)
    try:
        yield server
    finally:
        server.close()


def certificate(folder: Path, name: str = "localhost") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the context of a server with a certificate for a name, and of a client that trusts
    it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
