"""What is missing for lawful operation, in words that a manager understands.

No legal advice: a list of what a court or an authority would ask for first.  Sources:
docs/law.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.config import GatewayConfig
from gateway.http import FetchError
from gateway.services import Http
from gateway.texts import TextFiles
from gateway.verdicts import Concern

PAGE_BYTES = 3_000_000
GUARDS = {
    "consent": "nothing checks that the person agreed",
    "filter": "nobody looks whether a post is plain advertising",
    "footer": "messages do not say how to stop them",
}
"""Middleware that a chain should hold, by plugin, and what is wrong without it."""


def of_settings(
    config: GatewayConfig, plugins: Iterable[str], observers: Iterable[str]
) -> list[Concern]:
    """Return what the core's own settings lack.  `plugins`: names of those in the chain."""
    company, consent = config.company, config.consent
    there = set(plugins)
    found = [
        _missing(f"No {name} in the chain: {why}.", f'chain: put "{name}" into the list')
        for name, why in GUARDS.items()
        if name not in there
    ]
    claims = (
        (
            not consent.double_opt_in,
            "People are not asked back before the first message: a typing error or a prank signs up"
            " somebody else, and nothing proves that it was this person.",
            "[consent] double_opt_in = true",
        ),
        (
            not company.imprint,
            "No imprint is named: people cannot see who writes to them.",
            "[company] imprint = the address of the page",
        ),
        (
            not company.privacy,
            "No privacy notice is named: people cannot read what happens to their data.",
            "[company] privacy = the address of the page",
        ),
        (
            not company.mail,
            "There is no mail address for questions and objections.",
            "[company] mail",
        ),
        (
            not (config.proof.officer and config.mail.host) and not config.proof.timestamp_url,
            "The consent ledger is kept nowhere else: whoever can write the database could cut its end"
            " off, and nobody would notice.",
            "[proof] officer with [mail] host, or timestamp_url",
        ),
    )
    found += [_missing(text, change) for wrong, text, change in claims if wrong]
    kept = {
        "proof": "evidence of consents",
        "sent": "what was sent",
        "conversation": "conversations",
        "unconfirmed": "people who never confirmed",
        "raw": "raw webhooks",
    }
    found += [
        _missing(f"There is no end to keeping {what}.", f'[retention] {key} = "180d", for example')
        for key, what in kept.items()
        if not getattr(config.retention, key)
    ]
    if "forward" not in set(observers):
        text = "People's questions are mailed to nobody: somebody has to look at `gateway cases`."
        found.append(_advice(text, '[observers.forward] to = "redaktion@…"'))
    for name, topic in config.topics.items():
        if topic.closed:
            continue
        if not topic.version.strip():
            text = (
                f"The wording of “{topic.title}” has no version: proofs cannot tell which it was."
            )
            found.append(_missing(text, f'[topics.{name}] version = "1"'))
        if not topic.frequency:
            text = f"“{topic.title}” does not say how often people are written to."
            found.append(
                _advice(
                    text, f"[topics.{name}] frequency = how often at most, in words for readers"
                )
            )
        if topic.owner is None:
            text = f"Nobody is named as responsible for “{topic.title}”."
            found.append(_advice(text, f"[topics.{name}] owner = a name of [people]"))
    return found


def of_texts(texts: TextFiles) -> list[Concern]:
    """Return the languages whose own wordings have no version of their own."""
    return [
        _missing(
            f"The texts in “{language}” were changed without a version of their own.",
            f'{language}.toml: version = "2026-1", and a new one with every change',
        )
        for language in sorted(texts.own)
        if not texts.versioned(language)
    ]


async def of_privacy_page(config: GatewayConfig, http: Http) -> list[Concern]:
    """Read the privacy notice and say if it does not name WhatsApp."""
    url = config.company.privacy
    if not url:
        return []
    try:
        page = await http.get(url, max_bytes=PAGE_BYTES, follow_redirects=5)
    except FetchError as error:
        return [_advice(f"The privacy notice could not be read ({error}).", f"look at {url}")]
    if page.status != 200:
        text = f"The privacy notice is not there: {url} answers {page.status}."
        return [_missing(text, "[company] privacy = the right address")]
    if b"whatsapp" not in page.body.lower():
        text = "The privacy notice does not name WhatsApp, though numbers and texts go to Meta."
        return [_missing(text, f"add a part about WhatsApp to {url}")]
    return []


def _missing(text: str, change: str) -> Concern:
    return Concern("missing", text, change)


def _advice(text: str, change: str) -> Concern:
    return Concern("advice", text, change)
