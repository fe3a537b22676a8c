"""Whether a text calls itself advertising, as the law wants it to: "Anzeige:", "Sponsored", "#ad".

German law: UWG § 5a (4), DDG § 6 (1).  United States: FTC, 16 CFR Part 255.
"""

from __future__ import annotations

import re

_ALONE = (
    r"anzeige|werbung|advertorial|sponsored(?: post| content)?|gesponsert(?:er beitrag)?"
    r"|bezahlte partnerschaft(?: mit(?: [^\s.,:|]+){1,3})?"
    r"|paid partnership(?: with(?: [^\s.,:|]+){1,3})?"
)
# These alone on a line may head a list of sponsors, or news of a doctor's degree.
_MARKED = rf"(?:{_ALONE}|sponsor|promotion)"

_START = re.compile(
    rf" ?(?:\[ ?{_MARKED} ?\]|\( ?{_MARKED} ?\)|[-–—]+ ?{_MARKED} ?[-–—]+"
    rf"|{_MARKED} ?(?:\||:(?!in(?:nen)?\b)))",  # "Sponsor:innen" are people
    re.IGNORECASE,
)
_LINE = re.compile(rf"[ \[(|–—-]*(?:{_ALONE})[ \])|.:–—-]*", re.IGNORECASE)
_HASHTAG = re.compile(r"(?<![\w&#/])#(?:ad|werbung|anzeige)(?![\w-])", re.IGNORECASE)


def label(plain: str, *, titled: bool) -> str:
    """Return the words that label a text as advertising, "" if none do.

    They stand at the start of the title or the text, on a line of their own, or are a hashtag; in
    a sentence they are just words.  `titled`: the first line is a title.
    """
    lines = [line for line in plain.splitlines() if line.strip()]
    for index, line in enumerate(lines):
        starts = index == 0 or (index == 1 and titled)
        found = _LINE.fullmatch(line) or (_START.match(line) if starts else None)
        if found:
            return found[0].strip()
    hashtag = _HASHTAG.search(plain)
    return hashtag[0] if hashtag else ""
