"""Small files that a person may send when nobody gave one: each can be opened."""

from __future__ import annotations

import base64
import struct
import zlib

_STICKER = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAwA0JaQAA3AA/vuUAAA="  # one pixel
_SIDE = 96


def sample(kind: str) -> tuple[bytes, str, str]:
    """Content, MIME type and file name for an image, video, audio, document or sticker."""
    match kind:
        case "image":
            return _picture(), "image/png", "picture.png"
        case "sticker":
            return base64.b64decode(_STICKER), "image/webp", "sticker.webp"
        case "audio":  # one second of silence: 50 frames of AMR's lowest rate
            return b"#!AMR\n" + (b"\x04" + bytes(12)) * 50, "audio/amr", "voice.amr"
        case "video":
            return _video(), "video/mp4", "clip.mp4"
        case "document":
            return _document(), "application/pdf", "document.pdf"
    raise ValueError(f"there is no file for {kind}")


def _picture() -> bytes:
    """A square from green to blue, as PNG."""
    rows = b"".join(
        b"\0" + b"".join(bytes((24, 200 - y, 100 + x)) for x in range(_SIDE)) for y in range(_SIDE)
    )

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 2, 0, 0, 0)
    parts = (("IHDR", head), ("IDAT", zlib.compress(rows, 9)), ("IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name.encode(), data) for name, data in parts)


def _video() -> bytes:
    """An MP4 of no length: file type and movie header."""

    def box(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data) + 8) + name + data

    matrix = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    header = struct.pack(">IIIII", 0, 0, 0, 1000, 0) + struct.pack(">IH", 0x10000, 0x100)
    header += bytes(10) + matrix + bytes(24) + struct.pack(">I", 1)
    brand = b"isom" + struct.pack(">I", 512) + b"isommp41"
    return box(b"ftyp", brand) + box(b"moov", box(b"mvhd", header))


def _document() -> bytes:
    """One page with one line, as PDF."""
    line = b"BT /F1 18 Tf 40 100 Td (A document from a sandbox phone) Tj ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 420 200]/Contents 4 0 R"
        b"/Resources<</Font<</F1 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(line), line),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % size + table + tail
