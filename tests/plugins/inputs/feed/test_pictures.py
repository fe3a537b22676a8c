"""Which picture is chosen."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_plugins.inputs.feed.links import web_address
from gateway_plugins.inputs.feed.pictures import pick
from gateway_plugins.inputs.feed.text import tree

BASE = "https://blog.example/post/"
P = "https://blog.example/p.jpg"
MEDIA = {"url": P, "medium": "image"}
THUMBNAIL = {"url": "https://blog.example/t.jpg", "width": "223", "height": "122"}
TORRENT = {"url": "https://blog.example/v.torrent", "type": "application/x-bittorrent"}


@pytest.mark.parametrize(
    ("entry", "markup", "expected"),
    [
        ({"media_content": [TORRENT, MEDIA]}, "<img src=/i.jpg>", P),
        ({"media_content": [{"url": "/s.jpg", "width": "100"}, {"url": "/l.jpg", "width": "900"}]},
         "", "https://blog.example/l.jpg"),
        ({"media_content": [TORRENT], "media_thumbnail": [THUMBNAIL]}, "", THUMBNAIL["url"]),
        ({"media_thumbnail": [{"url": P, "width": "30", "height": "30"}]}, "", None),
        ({"links": [{"rel": "enclosure", "type": "image/jpeg", "length": "0", "href": P}]}, "", P),
        ({"links": [{"rel": "enclosure", "type": "audio/mpeg", "href": "/a.mp3"}],
          "image": {"href": P}}, "", P),
        ({"links": [{"rel": "alternate", "type": "image/jpeg", "href": P}]}, "", None),
        ({"media_content": [{"url": "/x.svg", "type": "image/svg+xml"}]}, "", None),
        ({"media_content": "nonsense", "links": [5], "image": 3}, "<img src=/p.jpg>", P),
        ({}, "<img src='../p.jpg'>", P),
        ({}, "<img src=/c.jpg width=1 height=1><img src=/p.jpg>", P),
        ({}, "<img src=/c.jpg style='display: none'><img src=/p.jpg>", P),
        ({}, "<img src=/c.jpg style='max-width:100%;width:1px'><img src=/p.jpg>", P),
        ({}, "<img src=https://ssl-vg03.met.vgwort.de/na/0123><img src=/p.jpg>", P),
        ({}, "<img src=https://feeds.feedburner.com/~r/x><img src=https://pixel.wp.com/b.gif>", None),
        ({}, "<img src=/pixel.gif><img src=/assets/1x1.png>", None),
        ({}, "<img src='data:image/png;base64,AAAA'>", None),
        ({}, "<img src='data:image/gif;base64,A' data-src=/p.jpg>", P),
        ({}, "<img src='javascript:x'><img src='ftp://blog.example/p.jpg'><img>", None),
        ({}, "<img src=/s.jpg srcset='/s.jpg 300w, /p.jpg 1200w,/m.jpg 700w'>", P),
        ({}, "<img src=/s.jpg srcset='/w_1,c_2/s.jpg 1x, /p.jpg 2x'>", P),
        ({}, "<img src=/p.jpg srcset='nonsense'>", P),
        ({}, "<noscript><img src=/p.jpg></noscript>", P),
    ],
)  # fmt: skip
def test_pick(entry: dict[str, Any], markup: str, expected: str | None) -> None:
    assert pick(entry, [tree(markup)], BASE) == expected


def test_summary_comes_after_the_full_text() -> None:
    trees = [tree("<p>no picture"), None, tree("<img src=/p.jpg>")]
    assert pick({}, trees, BASE) == P


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/a b.jpg", "https://blog.example/ab.jpg"),
        ("//cdn.example/a", "https://cdn.example/a"),
        ("https://blog.example/\x07", ""),
        ("https://[bad", ""),
        ("mailto:a@blog.example", ""),
        ("a" * 3000, ""),
        ("", ""),
        (None, ""),
        (7, ""),
    ],
)
def test_web_address(address: object, expected: str) -> None:
    assert web_address(address, BASE) == expected
