"""Smaller PNGs: a screenshot in the 256 colours that it has most of.  Nothing but zlib is needed."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOURS = 256
TRUE_COLOUR, PALETTE = 2, 3

Colour = tuple[int, int, int]


def smaller(png: bytes) -> bytes:
    """Return a PNG of 8 bits and true colour, as browsers make them, with a palette instead.

    Colours that are rare become the nearest of the frequent ones.  (PNG specification, 11.2.)
    """
    parts = list(_chunks(png))
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", parts[0][1])
    assert (depth, kind) == (8, TRUE_COLOUR), "a browser's screenshot"
    raw = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    lines = list(_unfiltered(raw, width * 3, height))
    pixels = [list(zip(line[0::3], line[1::3], line[2::3], strict=True)) for line in lines]
    counted = Counter(colour for line in pixels for colour in line)
    palette = [colour for colour, _ in counted.most_common(COLOURS)]
    index = {colour: _nearest(colour, palette) for colour in counted}
    flat = b"".join(b"\0" + bytes(map(index.__getitem__, line)) for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, PALETTE, 0, 0, 0)
    colours = b"".join(map(bytes, palette))
    return SIGNATURE + b"".join(
        _chunk(name, body)
        for name, body in (
            (b"IHDR", header),
            (b"PLTE", colours),
            (b"IDAT", zlib.compress(flat, 9)),
            (b"IEND", b""),
        )
    )


def _nearest(colour: Colour, palette: list[Colour]) -> int:
    r, g, b = colour
    away = [(r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2 for x, y, z in palette]
    return away.index(min(away))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        at += length + 12


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _unfiltered(raw: bytes, width: int, height: int) -> Iterator[bytearray]:
    """Yield the lines as they were before they were filtered (PNG specification, 9.2)."""
    above = bytearray(width)
    for y in range(height):
        start = y * (width + 1)
        filtered, line = raw[start], bytearray(raw[start + 1 : start + 1 + width])
        for x in range(width):
            left = line[x - 3] if x >= 3 else 0
            up, corner = above[x], above[x - 3] if x >= 3 else 0
            match filtered:
                case 1:
                    line[x] = (line[x] + left) & 255
                case 2:
                    line[x] = (line[x] + up) & 255
                case 3:
                    line[x] = (line[x] + (left + up) // 2) & 255
                case 4:
                    a, b, c = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
                    near = left if a <= b and a <= c else up if b <= c else corner
                    line[x] = (line[x] + near) & 255
        yield line
        above = line
