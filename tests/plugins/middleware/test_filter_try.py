"""`gateway filter try`: any kind of post, with and without settings, nothing sent, nothing written."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.api import width
from gateway.cli import cli
from gateway_plugins.middleware.filter.posts import UnreadableError, posts_of

CONFIG = Path(__file__).parents[3] / "config"
AD = "# Jetzt kaufen: 20 % Rabatt\n\nNur heute, *solange* der Vorrat reicht.\n\nhttps://shop.example/1\n"
ITEM = (
    "<item><guid>{0}</guid><title>{1}</title><link>https://blog.example/{0}</link>"
    "<description>{2}</description><pubDate>Mon, 0{0} Mar 2026 09:00:00 GMT</pubDate></item>"
)
FEED = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>B</title><language>de</language>'
    + ITEM.format(2, "Freibad öffnet", "Am 15. Mai geht es los.")
    + ITEM.format(1, "Jetzt kaufen!!", "20 % Rabatt, nur heute")
    + "</channel></rss>"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)
    monkeypatch.setattr("gateway.cli.group.PLACES", (Path("gateway.toml"),))
    return tmp_path


def settings(folder: Path, more: str = "") -> None:
    """The shipped settings: no secrets are there, and none are needed."""
    shipped = (CONFIG / "gateway.toml").read_text(encoding="utf-8")
    (folder / "gateway.toml").write_text(f"{shipped}\n{more}", encoding="utf-8")
    shutil.copytree(CONFIG / "templates", folder / "templates")


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(cli, ["filter", "try", *arguments], input=stdin, prog_name="gateway")


def test_an_advertisement_on_the_phone(folder: Path) -> None:
    """Verdict, score by signal, both forms with their way out, in 80 columns."""
    settings(folder)
    (folder / "post.md").write_text(AD, encoding="utf-8")
    before = sorted(folder.rglob("*"))
    result = run("post.md")
    assert result.exit_code == 1, result.output
    assert sorted(folder.rglob("*")) == before
    lines = result.output.splitlines()
    assert max(map(width, lines)) <= 80
    assert lines[0] == 'HELD      "Jetzt kaufen: 20 % Rabatt"'
    assert lines[1] == "why       advertising: score 11 of 5"
    assert '          price cut  +3  ██████        "20 % Rabatt"' in lines
    assert any(line.split() == ["sum", "11", "of", "5"] for line in lines)
    text = " ".join(line.strip(" │") for line in lines)
    assert "free text, while" in text
    assert "template blog_post in de" in text
    assert "Weiterlesen: https://shop.example/1" in text
    assert result.output.count("Abmelden: antworte STOP") == 2
    assert "Nur heute, solange der" in text  # bold, not stars
    assert lines[-1] == "settings: gateway.toml"
    boxes = [line for line in lines if line[10:11] in tuple("╭│╰")]
    assert {width(line) for line in boxes} == {60}


def test_without_settings(folder: Path) -> None:
    """The defaults, and it says so."""
    result = run("-", stdin="Jahreshauptversammlung\n\nAm 14. März um 19.30 Uhr.\n")
    assert result.exit_code == 0, result.output
    assert result.output.startswith('PASSED    "Jahreshauptversammlung"')
    assert "filter passed, score 0 of 5" in result.output
    assert result.output.splitlines()[-1] == "no settings in reach, so with the defaults"


def test_the_settings_count(folder: Path) -> None:
    """A topic that may sell, a blocked pattern, a topic that does not exist."""
    more = (
        '[topics.offers]\ntitle = "A"\npurpose = "B"\n'
        '[middleware.filter]\nmay_sell = ["offers"]\n'
        "blocked_patterns = [{ pattern = '\\bwetten?\\b', reason = \"betting\" }]\n"
    )
    settings(folder, more)
    (folder / "post.md").write_text(AD, encoding="utf-8")
    assert run("post.md", "--topic", "blog").exit_code == 1
    assert run("post.md", "--topic", "offers").exit_code == 0
    dropped = run("-", stdin="Gute Wetten")
    assert dropped.exit_code == 2
    assert 'blocked_pattern: betting: "Wetten"' in dropped.output
    unknown = run("post.md", "--topic", "nix")
    assert unknown.exit_code == 3
    assert "there is no topic 'nix'; known: blog, offers" in unknown.output
    (folder / "gateway.toml").write_text("[middleware.filter]\nthreshold = 'x'\n")
    broken = run("post.md")
    assert broken.exit_code == 3
    assert "[middleware.filter]: Expected `int`" in broken.output


def test_a_feed(folder: Path) -> None:
    """The newest item, a given one, or a line for each."""
    (folder / "feed.xml").write_text(FEED, encoding="utf-8")
    assert run("feed.xml").output.startswith('PASSED    "Freibad öffnet"')
    assert run("feed.xml", "--item", "2").exit_code == 1
    assert "has 2 items, no number 3" in run("feed.xml", "--item", "3").output
    result = run("feed.xml", "--all")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0].split() == ["1", "0", "of", "5", "passed", "Freibad", "öffnet"]
    assert lines[1].split()[-3:] == ["Jetzt", "kaufen!!", "advertising"]
    assert lines[3] == "2 items: 1 passed, 1 held"
    assert {width(line) for line in lines[:2]} <= set(range(81))


class Page(BaseHTTPRequestHandler):
    """One web page with a description; anything else is not there."""

    def do_GET(self) -> None:
        body = b"<html><head><title>Ein Beitrag</title><meta name=description content='Satz.'>"
        self.send_response(200 if self.path == "/post" else 404)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_address(folder: Path, site: str) -> None:
    """A page is fetched and tried; with check_link its fitness for phones is judged too."""
    result = run(f"{site}/post")
    assert result.exit_code == 0, result.output
    assert result.output.startswith('PASSED    "Ein Beitrag"')
    assert f"{site}/nix answers 404" in run(f"{site}/nix").output
    checks = "[middleware.filter]\ncheck_link = true\ncheck_private = {}\n"
    (folder / "gateway.toml").write_text(checks.format("true"))
    assert "the link ends at http://, phones warn of that" in run(f"{site}/post").output
    (folder / "gateway.toml").write_text(checks.format("false"))
    assert "leads into a private network" in " ".join(run(f"{site}/post").output.split())


def test_json(folder: Path) -> None:
    """For programs: everything that the page says."""
    result = run("-", "--json", stdin=json.dumps({"title": "Jetzt kaufen", "text": "20 % Rabatt"}))
    (trial,) = json.loads(result.output)
    assert result.exit_code == 1
    assert (trial["verdict"], trial["code"], trial["score"]) == ("held", "advertising", 8)
    assert trial["signals"][0] == {"name": "buy now", "points": 3, "found": ['"Jetzt kaufen"']}
    assert trial["forms"][0]["rendered"].endswith("Abmelden: antworte STOP")


@pytest.mark.parametrize(
    ("body", "title", "text", "link"),
    [
        (b"Nur ein Satz.", "", "Nur ein Satz.", ""),
        (b"Titel\n\nText\n\nhttps://a.example/1\n", "Titel", "Text", "https://a.example/1"),
        (b"## Titel\nText", "Titel", "Text", ""),
        (b"---\ntitle: \"Titel\"\ntags: x\n---\nText", "Titel", "Text", ""),
        (b'\xef\xbb\xbf{"title": "T", "link": "https://a.example"}', "T", "", "https://a.example"),
        (b"<p>Ein <b>Satz</b>.</p>", "", "Ein Satz.", "https://a.example/p"),
        (
            b"<!doctype html><html><head><title>T</title><meta name=description content=D></head>",
            "T", "D", "https://a.example/p",
        ),
        (
            b"<title>T</title><body><nav>Start</nav><article><header><h1>T</h1></header>"
            b"<p>Ein Satz.</p></article><p>Mehr davon</p><footer>Impressum</footer>",
            "T", "Ein Satz.", "https://a.example/p",
        ),
        (
            b"<title>T</title><body><header>Start</header><p>Ein Satz.</p>",
            "T", "Ein Satz.", "https://a.example/p",
        ),
        *(
            (
                f"<title>{title}</title><meta property=og:title content='{shared}'>"
                f"<meta content='{site}' property='og:site_name'>"
                "<meta name=description content=D>".encode(),
                expected, "D", "https://a.example/p",
            )
            for title, shared, site, expected in (
                ("T – Blog", "T", "Blog", "T"),
                ("Anders", "T &amp; U | Blog", "Blog", "T & U"),
                ("T – Blog", "", "Blog", "T"),
                ("T – Blog", "", "", "T – Blog"),
                ("T – Blog", "", "Zeitung", "T – Blog"),
                ("Blog", "Blog", "Blog", "Blog"),
                ("", "Mein Blog", "Blog", "Mein Blog"),
                ("", "Vorher –", "", "Vorher –"),
            )
        ),
    ],
)  # fmt: skip
def test_posts_of_every_kind(body: bytes, title: str, text: str, link: str) -> None:
    (post,) = posts_of(body, "https://a.example/p" if body.startswith(b"<") else "")
    assert (post.title, post.text, post.link) == (title, text, link)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "it is empty"),
        (b"\0\1\2", "it is no text"),
        (b"{", "neither a feed nor a message"),
        (b'{"title": 7}', "neither a feed nor a message"),
        (b"<?xml version='1.0'?><rss></rss>", "no feed can be read"),
    ],
)
def test_what_is_no_post(body: bytes, said: str) -> None:
    with pytest.raises(UnreadableError, match=said):
        posts_of(body)


def test_what_cannot_be_tried(folder: Path) -> None:
    """Status 3 and one sentence."""
    nobody = "http://127.0.0.1:9/x: nobody answers at its address (connect: 127.0.0.1)"
    for source, said in (("/nix", "No such file"), ("http://127.0.0.1:9/x", nobody)):
        result = run(source)
        assert result.exit_code == 3
        assert said in result.output


def test_a_terminal_is_not_steered(folder: Path) -> None:
    """Escape sequences and bidirectional marks of a post do not reach the terminal."""
    result = run("-", stdin="Ti\x1b[31mtel\u202e\n\nText \x1b]0;x\x07 und mehr \x9b1m")
    assert result.exit_code == 0, result.output
    assert not {"\x1b", "\x07", "\u202e", "\x9b"} & set(result.output)
