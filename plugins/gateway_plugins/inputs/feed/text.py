"""HTML → one line of plain text, and teasers that end where a sentence ends."""

from __future__ import annotations

import html
import re
import unicodedata

from selectolax.lexbor import LexborHTMLParser, LexborNode

# Lexbor needs quadratic time for nesting: 200,000 open tags took 89 s, what fits in here 0.1 s.
LONGEST_HTML = 60_000
LONGEST_TITLE = 200


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SILENT = _words(
    "script style template noscript iframe object svg math head title figcaption form button "
    "select textarea video audio canvas"
)
_BLOCKS = _words(
    "p div section article header footer aside main nav ul ol li dl dt dd table tr h1 h2 h3 h4 "
    "h5 h6 blockquote pre figure hr details summary address"
)
_GAPS = frozenset({"br", "td", "th", "img"})
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|cite|code|del|div|em|font|h[1-6]|hr|i|img|ins|kbd|li|mark|"
    r"ol|p|q|s|small|span|strike|strong|sub|sup|tt|u|ul|wbr)(?:\s[^<>]{0,2000})?/?>",
    re.IGNORECASE,
)
_ENDED = re.compile(r"[.!?…:;,–-][\"»«”“’')\]]*$")
_SENTENCE = re.compile(r"[.!?…]+[\"»«”“’')\]]*(?=\s|$)")
_LAST_WORD = re.compile(r"(\w+)$")
_SHORTCUTS = _words(
    "mo di mi do sa so abs allg art aug bspw bzgl bzw ca chr co dez dipl dr ebd etc evtl feb febr "
    "fr geb gem ggf ggü hl hr hrsg inkl ing jan jh kap mio mr mrd mrs ms nov no nr okt prof "
    "sept sog st std str tel usw vgl vs zzgl"
)
# What blog software puts behind every text.
_TAILS = (
    ("Der Beitrag ", " erschien zuerst auf "),
    ("Der Artikel ", " erschien zuerst auf "),
    ("The post ", " appeared first on "),
    ("The post ", " first appeared on "),
    ("The article ", " appeared first on "),
)
# What hosts of podcasts put behind every episode, as they share its advertising or have to tell
# of the tracking.  None of it is the author's, and each took half of a teaser.
_HOSTS = (
    r"See omnystudio\.com/listener for privacy information\.?",  # Omny
    r"Learn more about your ad choices\. Visit (?:megaphone\.fm|podcastchoices\.com)/adchoices\.?",
    r"Hosted on Acast\. See acast\.com/privacy for more information\.?",
    r"Advertising Inquiries: https://redcircle\.com/brands",  # RedCircle, before the next
    r"Privacy & Opt-Out: https://redcircle\.com/privacy",
)
_HOSTED = re.compile(rf"(?:(?:^| )(?:· )?(?:{'|'.join(_HOSTS)})){{1,4}}$", re.IGNORECASE)
_MORE = re.compile(
    r"\s*[·(\[]?\s*(?:weiterlesen|mehr lesen|jetzt lesen|read more|continue reading)"
    r"(?: (?:on|auf|bei|in) [^.!?]{1,60})?[\s…».:)\]→>]*$",
    re.IGNORECASE,
)
# Key words or an agency in brackets behind the last sentence: "(Raumfahrt, Internet)", "(dpa)".
_KEYWORDS = re.compile(r"(?<=[.!?…]) \([^().!?]{1,40}(?:, [^().!?]{1,40}){0,5}\)$")
_LOOSE = " ·,;:–-…"
_EXCERPT = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|…|\.\.\.)\s*$")


def tree(markup: str) -> LexborNode | None:
    """Parse the beginning of some HTML; None if there is nothing in it."""
    markup = markup[:LONGEST_HTML]
    if "<" not in markup and _TAG.search(markup.replace("&lt;", "<").replace("&gt;", ">")):
        markup = html.unescape(markup)  # escaped twice, as some generators do
    return LexborHTMLParser(markup).body if markup.strip() else None


def plain(root: LexborNode | None) -> str:
    """Return the text of a tree in one line: blocks that end without a mark are joined by " · "."""
    if root is None:
        return ""
    pieces: list[str] = []
    # A stack, since documents may nest deeper than Python recurses.
    todo: list[LexborNode | str] = [root]
    while todo:
        node = todo.pop()
        if isinstance(node, str):
            pieces.append(node)
        elif node.is_text_node:
            # A line break in the source is a space: only blocks make new lines below.
            pieces.append(node.text_content.replace("\n", " ") if node.text_content else "")
        elif node.tag in _GAPS:
            pieces.append(" ")
            todo.extend(reversed(list(node.iter(include_text=True))))
        elif node.tag not in _SILENT and node.is_element_node:
            block = node.tag in _BLOCKS
            if block:
                pieces.append("\n")
                todo.append("\n")
            todo.extend(reversed(list(node.iter(include_text=True))))
    lines = (one_line(line) for line in "".join(pieces).split("\n"))
    text = ""
    for line in filter(None, lines):
        text += ("" if not text else " " if _ENDED.search(text[-4:]) else " · ") + line
    return text


def one_line(text: str) -> str:
    """Collapse blanks and drop control characters and invisible ones that break words."""
    if not text.isascii() or not text.isprintable():
        text = "".join(
            " " if char.isspace() or unicodedata.category(char) == "Cc" else char
            for char in text
            if char not in "\u00ad\u200b\u2060\ufeff\ufffe\uffff"
            and not "\ud800" <= char <= "\udfff"
        )
    return " ".join(text.split())


def title(raw: str) -> str:
    """Return a title without tags, entities decoded once, at most LONGEST_TITLE characters."""
    # Only tags that exist: "List<String>" in a title is no tag.
    bare = html.unescape(_TAG.sub("", raw[: 10 * LONGEST_TITLE]))
    return shorten(one_line(bare), LONGEST_TITLE)


def without_tail(text: str) -> str:
    """Take off what blog software or the host of a podcast appended ("Der Beitrag … erschien zuerst
    auf …")."""
    for start, middle in _TAILS:
        at = text.rfind(middle, max(0, len(text) - 600))
        begin = text.rfind(start, 0, at) if at >= 0 else -1
        if begin >= 0 and (begin == 0 or text[begin - 1] == " "):
            text = text[:begin].rstrip(" ·")
    if hosted := _HOSTED.search(text):
        text = text[: hosted.start()].rstrip(" ·")
    return _KEYWORDS.sub("", _MORE.sub("", text))


def teaser(text: str, limit: int) -> str:
    """Return at most `limit` characters, up to a sentence end if there is one in reach."""
    whole = _EXCERPT.sub("", text)
    if whole == text and len(text) <= limit:
        return text
    best = 0
    for found in _SENTENCE.finditer(whole[: limit + 1]):
        if found.end() <= limit and _ends_sentence(whole, found):
            best = found.end()
    if best >= min(limit, len(whole)) // 3 and best:
        return whole[:best]
    return shorten(whole.rstrip(_LOOSE) + "…", limit)


def _ends_sentence(text: str, found: re.Match[str]) -> bool:
    rest = text[found.end() : found.end() + 3].lstrip(" ·\"„»«“‚'(")
    if rest[:1].islower():
        return False
    if found[0] != ".":
        return True
    word = _LAST_WORD.search(text, max(0, found.start() - 20), found.start())
    if word is None:
        return True
    # "3. November", "z. B.", "Dr. Ernst"
    return not (
        (word[1].isdigit() and len(word[1]) < 3)
        or len(word[1]) == 1
        or word[1].lower() in _SHORTCUTS
    )


def shorten(text: str, limit: int) -> str:
    """Cut at a word and mark the cut by an ellipsis."""
    if len(text) <= limit:
        return text
    kept = text[: limit - 1]
    space = kept.rfind(" ")
    if text[limit - 1] != " " and space > limit // 2:
        kept = kept[:space]
    # Not between a letter and its accent, nor inside a composed emoji.
    at = len(kept)
    while at > 1 and (
        unicodedata.combining(text[at]) or text[at] in "\u200d\ufe0f" or text[at - 1] == "\u200d"
    ):
        at -= 1
    return kept[:at].rstrip(_LOOSE) + "…"
