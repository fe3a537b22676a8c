"""Stand-ins for clock, state, HTTP and mail, as `gateway.testing` offers them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.clock import SystemClock
from gateway.store.protocol import micros

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The time at which a FakeClock begins."""


class FakeClock(SystemClock):
    """Stands until the test moves it."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def micros(self) -> int:
        return micros(self.at)

    def forward(self, seconds: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=seconds)


class FakeState:
    """Keeps a plugin's values in `values`."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def put(self, values: Mapping[str, bytes | None]) -> None:
        for key, value in values.items():
            self.values.pop(key, None)
            if value is not None:
                self.values[key] = bytes(value)


class Answer(msgspec.Struct, frozen=True):
    """What a server answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    url: str = ""
    moved: str | None = None


class Asked(msgspec.Struct, frozen=True):
    """One request that a plugin made."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes = b""


class FakeHttp:
    """Answers from a table, and never reaches the network.

    `answers["GET https://blog.example/feed"]` is an Answer, an error to raise, or a list of
    these, of which the last is given again and again.  What was asked stands in `asked`.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception | list[Answer | Exception]] = {}
        self.asked: list[Asked] = []

    async def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, public_only: bool = False
    ) -> Answer:
        return self._answer(Asked("POST", url, dict(headers), content))

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = 2_000_000,
        follow_redirects: int = 0,
        public_only: bool = False,
    ) -> Answer:
        return self._answer(Asked("GET", url, dict(headers or {})))

    def _answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answer = self.answers.get(f"{asked.method} {asked.url}")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            raise AssertionError(f"a test reaches no network: {asked.method} {asked.url}")
        if isinstance(answer, Exception):
            raise answer
        return msgspec.structs.replace(answer, url=answer.url or asked.url)


class Mailed(msgspec.Struct, frozen=True):
    """One mail that a plugin sent."""

    to: str
    subject: str
    text: str
    html: str = ""
    reply_to: str = ""
    headers: dict[str, str] = {}
