"""The media store: uploads and what people send, their ids and five-minute addresses (section 8).

Bodies are kept in memory: at most `KEPT_BYTES` of them, the oldest are forgotten first.  One body
has at most `UPLOAD_LIMIT` bytes, where Meta takes documents of up to 100 MB.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable

import msgspec

UPLOAD_LIMIT = 20_000_000
KEPT_BYTES = 64_000_000
UPLOAD_DAYS = 30
INBOUND_DAYS = 7
URL_SECONDS = 300

KILO, MEGA = 1024, 1024 * 1024
STATIC_STICKER = 100 * KILO
_OFFICE = "application/vnd.openxmlformats-officedocument"
# type of a message: (what may be in it, how many bytes), section 4.5
TYPES: dict[str, tuple[frozenset[str], int]] = {
    "audio": (
        frozenset(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg")),
        16 * MEGA,
    ),
    "document": (
        frozenset(
            (
                "text/plain",
                "application/pdf",
                "application/msword",
                "application/vnd.ms-excel",
                "application/vnd.ms-powerpoint",
                f"{_OFFICE}.wordprocessingml.document",
                f"{_OFFICE}.spreadsheetml.sheet",
                f"{_OFFICE}.presentationml.presentation",
            )
        ),
        100 * MEGA,
    ),
    "image": (frozenset(("image/jpeg", "image/png")), 5 * MEGA),
    "sticker": (frozenset(("image/webp",)), 500 * KILO),
    "video": (frozenset(("video/mp4", "video/3gpp")), 16 * MEGA),
}


def animated(content: bytes) -> bool:
    """Is this WebP file animated?  A flag of the extended header, RFC 9649 section 2.7."""
    return content[12:16] == b"VP8X" and len(content) > 20 and bool(content[20] & 0x02)


class Media(msgspec.Struct, frozen=True):
    """One stored body.  `expires`: unix seconds.  `number_id`: the only number that may use it;
    None: every number of the account."""

    id: str
    content: bytes
    mime: str
    filename: str | None
    sha256: str
    expires: float
    inbound: bool
    number_id: str | None


class MediaStore:
    """Bodies by id, oldest first.  `now` gives unix seconds; `key` makes addresses unguessable."""

    def __init__(self, now: Callable[[], float], key: str, kept_bytes: int = KEPT_BYTES) -> None:
        self._now = now
        self._key = key.encode()
        self._limit = kept_bytes
        self._bytes = 0
        self._next = 0
        self._all: dict[str, Media] = {}

    def put(
        self,
        content: bytes,
        mime: str,
        filename: str | None = None,
        inbound: bool = False,
        number_id: str | None = None,
    ) -> str:
        """Keep a body and return its id.  `inbound`: a person sent it, so it lives 7 days."""
        self._next += 1
        days = INBOUND_DAYS if inbound else UPLOAD_DAYS
        media = Media(
            id=f"{600_000_000_000_000 + self._next}",
            content=content,
            mime=mime,
            filename=filename,
            sha256=hashlib.sha256(content).hexdigest(),
            expires=self._now() + days * 86_400,
            inbound=inbound,
            number_id=number_id,
        )
        self._all[media.id] = media
        self._bytes += len(content)
        while self._bytes > self._limit and len(self._all) > 1:
            self.delete(next(iter(self._all)))
        return media.id

    def get(self, id: str, number_id: str | None = None) -> Media | None:
        """The body, unless it is unknown, too old or another number's."""
        media = self._all.get(id)
        if media is not None and media.expires <= self._now():
            self.delete(id)
            return None
        if media is not None and number_id is not None and media.number_id not in (None, number_id):
            return None
        return media

    def delete(self, id: str) -> None:
        media = self._all.pop(id, None)
        if media is not None:
            self._bytes -= len(media.content)

    def clear(self) -> None:
        """Forget all bodies; ids go on."""
        self._all.clear()
        self._bytes = 0

    def path(self, media: Media) -> str:
        """Path and query of an address that works for five minutes, with the token only."""
        until = int(self._now()) + URL_SECONDS
        return f"/media/?mid={media.id}&ext={until}&hash={self._signature(media.id, until)}"

    def at(self, query: dict[str, str]) -> Media | None:
        """The body that an address of `path` leads to, as long as the address is good."""
        id, until, given = (query.get(key, "") for key in ("mid", "ext", "hash"))
        if not (until.isascii() and until.isdecimal()) or int(until) < self._now():
            return None
        if not hmac.compare_digest(given.encode(), self._signature(id, int(until)).encode()):
            return None
        return self.get(id)

    def _signature(self, id: str, until: int) -> str:
        return hmac.digest(self._key, f"{id}/{until}".encode(), hashlib.sha256).hex()
