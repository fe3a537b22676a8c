"""A time-stamping service of one's own, by openssl, and clients that reach it or nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.errors import NotSent
from gateway.wire import Response
from tests.needs import need

SETTINGS = """
[tsa]
default_tsa = service
[service]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
"""
USAGE = "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"


class Stamper:
    """Implements gateway.services.Http for one address: what is posted is stamped."""

    def __init__(self, folder: Path, name: str = "Stamps") -> None:
        folder.mkdir()
        self._folder = folder
        self.asked = 0
        (folder / "settings").write_text(SETTINGS)
        (folder / "serial").write_text("01")
        (folder / "usage").write_text(USAGE)
        subject = ("-subj", f"/CN={name} root", "-days", "9")
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "root.key", "-out", "root.pem", *subject,
        )  # fmt: skip
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "own.key", "-out", "own.csr", "-subj", f"/CN={name}",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", "own.csr", "-CA", "root.pem", "-CAkey", "root.key",
            "-CAcreateserial", "-out", "own.pem", "-days", "9", "-extfile", "usage",
        )  # fmt: skip

    @property
    def root(self) -> Path:
        return self._folder / "root.pem"

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(
            [need("openssl"), *arguments], cwd=self._folder, check=True, capture_output=True
        )

    def answer(self, query: bytes) -> bytes:
        (self._folder / "query").write_bytes(query)
        self._openssl(
            "ts", "-reply", "-config", "settings", "-section", "service", "-queryfile", "query",
            "-signer", "own.pem", "-inkey", "own.key", "-out", "answer",
        )  # fmt: skip
        return (self._folder / "answer").read_bytes()

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Response:
        assert headers["content-type"] == "application/timestamp-query"
        self.asked += 1
        return Response(200, {}, self.answer(content), url)

    async def get(self, url: str, headers: Any = None, **options: Any) -> Response:
        raise AssertionError("a stamp is asked for by POST")


class Answers:
    """Answers every request in the same way, or not at all."""

    def __init__(self, status: int | None, body: bytes = b"") -> None:
        self._status = status
        self._body = body

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Response:
        if self._status is None:
            raise NotSent("connect", "nothing was sent to stamps.example")
        return Response(self._status, {}, self._body, url)

    async def get(self, url: str, headers: Any = None, **options: Any) -> Response:
        raise AssertionError("a stamp is asked for by POST")
