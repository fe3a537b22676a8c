"""Fetches what people attach, if the settings want it; the file's name is its SHA-256.

    GET /{media id}?phone_number_id=… → {"url": "https://lookaside.…", "mime_type": "image/jpeg",
                                         "sha256": "<hex>", "file_size": 12345}
    GET <url>, with the token → the bytes; the address is good for five minutes

Shapes: Meta, "Media".  What a webhook names is noted before it is answered, and fetched after.
Nothing of it is opened here; `raw` of the inbound message leads to the file by its `sha256`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import trio

from gateway.api import Context, FetchError, Inbound
from gateway_plugins.outputs.whatsapp.beside import carefully
from gateway_plugins.outputs.whatsapp.incoming import inside, string
from gateway_plugins.outputs.whatsapp.settings import MediaConfig, WhatsAppConfig

OFFICE = "application/vnd.openxmlformats-officedocument"
# What is kept, of each kind, and how it then ends: nothing that a computer would run.
TYPES = {
    "image": {"image/jpeg": "jpg", "image/png": "png"},
    "sticker": {"image/webp": "webp"},
    "audio": {"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/aac": "aac",
              "audio/amr": "amr"},
    "video": {"video/mp4": "mp4", "video/3gpp": "3gp"},
    "document": {
        "application/pdf": "pdf",
        "text/plain": "txt",
        f"{OFFICE}.wordprocessingml.document": "docx",
        f"{OFFICE}.spreadsheetml.sheet": "xlsx",
        f"{OFFICE}.presentationml.presentation": "pptx",
    },
}  # fmt: skip
HOSTS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net")  # who may see the token
KEY = "media"
WAITING = 500  # files; more are not fetched
PAUSES = (30.0, 300.0, 1800.0)  # seconds before each further try; then it is given up
TIDY = 3600.0  # seconds
RESULTS = ("kept", "type", "too_large", "hash", "host", "failed", "given_up", "full")

_ID = re.compile(r"[0-9]{1,40}")


class Wanted(msgspec.Struct):
    """A file that a webhook named.  `sha256` in hex, `ending` by its type."""

    id: str
    kind: str
    sha256: str
    ending: str
    tries: int = 0

    @property
    def name(self) -> str:
        return f"{self.sha256}.{self.ending}"


def wanted(inbound: Inbound, kinds: Iterable[str]) -> Wanted | str | None:
    """Return the file of a message; None if there is none, the result if it is not taken."""
    if inbound.kind not in kinds or not inbound.opens_window:
        return None
    try:
        given = inside(msgspec.json.decode(inbound.raw), inbound.kind)
        digest = base64.b64decode(string(inside(given, "sha256")), validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, binascii.Error, ValueError):
        return "failed"
    mime = _plain(string(inside(given, "mime_type")))
    ending = TYPES[inbound.kind].get(mime)
    if ending is None:
        return "type"
    id = string(inside(given, "id"))
    if not _ID.fullmatch(id) or len(digest) != hashlib.sha256().digest_size:
        return "failed"
    return Wanted(id=id, kind=inbound.kind, sha256=digest.hex(), ending=ending)


class Media:
    """The files of one number's inbound messages: what waits, and the folder."""

    def __init__(self, context: Context, config: WhatsAppConfig, media: MediaConfig) -> None:
        self._context = context
        self._media = media
        self._config = config
        self._folder = Path(media.folder)
        self._headers = {k: v for k, v in config.headers.items() if k != "content-type"}
        self._waiting: dict[str, Wanted] = {}
        self._due: dict[str, float] = {}
        self._writing = trio.Lock()
        self._news = trio.Event()
        self._count = context.metrics.counter(
            "media", "Files that people sent: kept, or why not", ("result",)
        )
        for result in RESULTS:
            self._count.labels(result)

    async def load(self) -> None:
        """Make the folder, and take up what was noted before."""
        await trio.to_thread.run_sync(
            lambda: self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        )
        raw = await self._context.state.get(KEY)
        try:
            kept = msgspec.json.decode(raw or b"[]", type=list[Wanted])
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._context.log.warning("the list of files to fetch cannot be read; it begins anew")
            kept = []
        self._waiting = {one.id: one for one in kept}

    async def note(self, messages: Iterable[Inbound]) -> None:
        """Note the files of messages that came in; on disk when it returns."""
        new: dict[str, Wanted] = {}
        for inbound in messages:
            found = wanted(inbound, self._media.kinds)
            if isinstance(found, Wanted) and len(self._waiting) + len(new) < WAITING:
                new[found.id] = self._waiting.get(found.id, found)
            elif found is not None:
                self._ended(found if isinstance(found, str) else "full")
        if new:
            await self._change(new)
            self._news.set()

    async def run(self) -> None:
        """Fetch one file after the other, and remove old ones, until cancelled."""
        tidied = -TIDY
        while True:
            if trio.current_time() - tidied >= TIDY:
                tidied = trio.current_time()
                await carefully(self._context, "old media were not removed", self._tidy)
            now = trio.current_time()
            due = min((self._due.get(id, now) for id in self._waiting), default=now + TIDY)
            if due <= now:
                if not await carefully(self._context, "media were not fetched", self._next):
                    await trio.sleep(PAUSES[0])
                continue
            self._news = trio.Event()
            with trio.move_on_after(min(due - now, TIDY)):
                await self._news.wait()

    async def _next(self) -> None:
        now = trio.current_time()
        one = min(self._waiting.values(), key=lambda one: self._due.get(one.id, now))
        try:
            result = await self._fetch(one)
        except FetchError as error:
            result = "too_large" if error.code == "too_large" else "failed"
        if result == "failed" and one.tries < len(PAUSES):
            self._due[one.id] = trio.current_time() + PAUSES[one.tries]
            again = msgspec.structs.replace(one, tries=one.tries + 1)
            self._count.labels(result).inc()
            await self._change({one.id: again})
            return
        self._due.pop(one.id, None)
        self._ended("given_up" if result == "failed" else result)
        await self._change({}, gone=one.id)

    async def _fetch(self, one: Wanted) -> str:
        """Fetch a file and keep it; returns the result.  Raises FetchError."""
        if await trio.Path(self._folder, one.name).exists():
            return "kept"
        config, http = self._config, self._context.http
        located = await http.get(
            f"{config.base_url}/{config.version}/{one.id}?phone_number_id={config.phone_number_id}",
            self._headers,
        )
        try:
            told = msgspec.json.decode(located.body) if located.status == 200 else None
        except (msgspec.DecodeError, UnicodeDecodeError):
            told = None
        url, size = string(inside(told, "url")), string(inside(told, "file_size"))
        if not url:
            return "failed"
        if size.isdecimal() and int(size) > self._media.max_bytes:
            return "too_large"
        if not self._trusted(url):
            return "host"
        answer = await http.get(url, self._headers, max_bytes=self._media.max_bytes)
        if answer.status != 200:
            return "failed"
        if _plain(answer.headers.get("content-type", "")) not in TYPES[one.kind]:
            return "type"
        return await trio.to_thread.run_sync(_keep, self._folder, one, answer.body)

    def _trusted(self, url: str) -> bool:
        """Whether an address is Meta's, or below base_url: the token goes there."""
        given, base = urlsplit(url), urlsplit(self._config.base_url)
        if (given.scheme, given.netloc) == (base.scheme, base.netloc):
            return True
        return given.scheme == "https" and (given.hostname or "").endswith(HOSTS)

    async def _change(self, new: dict[str, Wanted], *, gone: str = "") -> None:
        # One after the other: each writes the whole list.
        async with self._writing:
            waiting = {id: one for id, one in {**self._waiting, **new}.items() if id != gone}
            raw = msgspec.json.encode(list(waiting.values())) if waiting else None
            await self._context.state.put({KEY: raw})
            self._waiting = waiting

    def _ended(self, result: str) -> None:
        self._count.labels(result).inc()
        if result != "kept":
            self._context.log.warning("a file that somebody sent is not kept: %s", result)

    async def _tidy(self) -> None:
        before = self._context.clock.now().timestamp() - self._media.keep
        await trio.to_thread.run_sync(_remove_older, self._folder, before)


def _keep(folder: Path, one: Wanted, content: bytes) -> str:
    """Write a file whole or not at all, if it is the one that the webhook named."""
    if hashlib.sha256(content).hexdigest() != one.sha256:
        return "hash"
    part = folder / f".{one.name}.part"
    with open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / one.name)
    return "kept"


def _remove_older(folder: Path, before: float) -> None:
    for path in folder.iterdir():
        if path.is_file() and path.stat().st_mtime < before:
            path.unlink(missing_ok=True)


def _plain(mime: Any) -> str:
    """A type without its parameters: `audio/ogg; codecs=opus`."""
    return string(mime).partition(";")[0].strip().lower()
