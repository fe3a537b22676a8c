"""The proof as a page for a judge: everything in plain words, printable, with nothing to load."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import msgspec

from gateway import ids
from gateway.heads import read_token
from gateway.paper import paper
from gateway.proof_words import ProofWords, pairs, quote
from gateway.proofs import Proof, ProofEvent, ProofHead
from gateway.services import Texts
from gateway.stamping import StampError, read_stamp


class ProofPage(ProofWords):
    """Renders one proof in one language."""

    def __init__(
        self, proof: Proof, texts: Texts, language: str, *, file: str, sha256: str
    ) -> None:
        """`file` and `sha256` are of the proof's own file, which is what can be checked."""
        super().__init__(proof, texts, language)
        self._file = file
        self._sha256 = sha256

    def render(self) -> str:
        """Return the page: HTML with its style in it, no script, nothing to load."""
        title = self._say("title")
        by = self._say("by", company=self._proof.company["name"], at=self._at(self._proof.made_at))
        parts = (
            f"<h1>{title}</h1>",
            f'<p class="by">{by}</p>',
            self._whom(),
            self._states(),
            self._events(),
            self._sent(),
            self._received(),
            self._changes(),
            self._meaning(),
            self._check(),
        )
        return paper(self._language, title, parts)

    # --- parts ----------------------------------------------------------------------------------
    def _whom(self) -> str:
        proof = self._proof
        rows = []
        for known in proof.identities:
            until = self._say("until", at=self._at(known["until"])) if known["until"] else ""
            label = self._maybe(f"identity_{known['kind']}", str(known["kind"]))
            rows.append((label, f"{escape(str(known['value']))} {until}"))
        name = f"{escape(proof.name)} · " if proof.name else ""
        since = self._say("known_since", at=self._at(proof.known_since))
        erased = (
            f"<p>{self._say('erased', at=self._at(proof.erased_at))}</p>" if proof.erased_at else ""
        )
        return (
            f"<h2>{self._say('whom')}</h2><p>{name}{ids.show('c', proof.contact)} · {since}</p>"
            f"{erased}{pairs(rows)}"
        )

    def _states(self) -> str:
        told = {event.number: event for event in self._proof.events}
        boxes = []
        for state in self._proof.states:
            event = told.get(state["event"])
            at = self._at(event.at if event else state["since"])
            boxes.append(
                f'<div class="state {escape(state["state"])}"><b>{self._topic(state["topic"])}</b>'
                f"<span>{self._say('state_' + state['state'], at=at)}</span>"
                f'<i class="quiet">{self._say("rests_on", number=self._number(state["event"]))}</i>'
                "</div>"
            )
        return f"<h2>{self._say('now')}</h2>" + ("".join(boxes) or f"<p>{self._say('nothing')}</p>")

    def _events(self) -> str:
        about = self._say("events_about", zone=self._proof.company["time_zone"])
        items = "".join(self._event(event) for event in self._proof.events)
        return (
            f'<h2>{self._say("events")}</h2><p class="quiet">{about}</p>'
            f'<ol class="events">{items}</ol>'
        )

    def _event(self, event: ProofEvent) -> str:
        what = self._maybe(f"event_{event.name}", event.name)
        late = (
            f" · {self._say('recorded', at=self._at(event.recorded_at))}"
            if event.recorded_at - event.at > 60_000_000
            else ""
        )
        rows = [(self._say("source"), escape(event.source))] if event.source else []
        if event.sender:
            rows.append((self._say("number_used"), escape(event.sender)))
        evidence: Mapping[str, Any] = msgspec.json.decode(event.evidence or "{}")
        rows += [
            (self._maybe(f"evidence_{key}", key), _coded(str(value)))
            for key, value in evidence.items()
        ]
        rows.append((self._say("event_hash"), f"<code>{escape(event.hash)}</code>"))
        erased = (
            f'<p class="quiet">{self._say("evidence_erased")}</p>' if event.evidence is None else ""
        )
        return (
            f'<li class="{escape(event.name)}"><h3>{self._topic(event.topic)}: {what}</h3>'
            f'<p class="quiet">{self._at(event.at)} · '
            f"{self._say('rests_on', number=self._number(event.number))}{late}</p>"
            f"{self._wording(event)}{self._question(event, evidence)}{self._answer(event, evidence)}"
            f"{erased}{pairs(rows)}</li>"
        )

    def _wording(self, event: ProofEvent) -> str:
        wording = self._proof.wordings.get(event.wording or "")
        if wording is None:
            return ""
        about = self._say("wording_about", spoken=wording["language"], version=wording["version"])
        purpose = (
            f"<p>{self._say('purpose')}: {escape(wording['purpose'])}</p>"
            if wording["purpose"] and wording["purpose"] not in wording["text"]
            else ""
        )
        return quote(f"{self._say('wording')} ({about})", escape(wording["text"])) + purpose

    def _question(self, event: ProofEvent, evidence: Mapping[str, Any]) -> str:
        """What went out to ask about a request, where the event says that it did."""
        if event.name != "asked":
            return ""
        text = escape(str(evidence.get("text", "")))
        for sent in self._proof.sent:
            if event.request in sent["asks"]:
                for attempt in sent["attempts"]:
                    text = (escape(attempt["text"]) or text) + self._buttons(attempt)
                    return quote(self._say("question"), text)
        return quote(self._say("question"), text) if text else ""

    def _answer(self, event: ProofEvent, evidence: Mapping[str, Any]) -> str:
        """What the person wrote or pressed; from the evidence if the message is kept no more."""
        said, at = evidence.get("caption") or evidence.get("words"), event.at
        named = {evidence.get("answer"), evidence.get("provider_id")} - {None, ""}
        for received in self._proof.received:
            if received["provider_id"] in named:
                said, at = received["caption"] or received["words"], received["at"]
        if not said:
            return ""
        return quote(f"{self._say('answer')}, {self._at(at)}", escape(str(said)), kind="reply")

    def _buttons(self, attempt: Mapping[str, Any]) -> str:
        if not attempt["buttons"]:
            return ""
        return "\n" + self._say("buttons", buttons=" · ".join(attempt["buttons"]))

    def _sent(self) -> str:
        rows = []
        for sent in self._proof.sent:
            for attempt in sent["attempts"]:
                text = escape(attempt["text"]) or self._say("text_gone")
                about = [f"#{sent['message']}"]
                about += [self._topic(sent["topic"])] if sent["topic"] else []
                if sent["basis_event"]:
                    event = self._number(sent["basis_event"])
                    about.append(self._say("rests_on", number=event))
                about += [escape(attempt["template"])] if attempt["template"] else []
                about += self._fate(attempt)
                rows.append(self._row(attempt["began_at"], text + self._buttons(attempt), about))
        return self._table("sent", rows, about="sent_about")

    def _fate(self, attempt: Mapping[str, Any]) -> Iterable[str]:
        """What became of an attempt, in the order in which it happened."""
        times = [
            (attempt["sent_at"], "sent_at"),
            (attempt["delivered_at"], "delivered"),
            (attempt["read_at"], "read"),
            (attempt["failed_at"], "failed"),
        ]
        found = [self._say(key, at=self._at(at)) for at, key in times if at]
        if attempt["state"] == "unknown":
            found.append(self._say("not_known"))
        if attempt["code"]:
            found.append(escape(attempt["code"]))
        return found

    def _received(self) -> str:
        rows = []
        for received in self._proof.received:
            about = [f"<code>{escape(received['provider_id'])}</code>"]
            about += [f"SHA-256 <code>{received['raw']}</code>"] if received["raw"] else []
            text = escape(received["caption"] or received["words"])
            rows.append(self._row(received["at"], text, about))
        return self._table("received", rows)

    def _row(self, at: int, text: str, about: Iterable[str]) -> str:
        return (
            f'<tr><td>{self._at(at)}</td><td><div class="said">{text}</div>'
            f'<div class="quiet">{" · ".join(about)}</div></td></tr>'
        )

    def _table(self, key: str, rows: list[str], *, about: str = "") -> str:
        lead = f'<p class="quiet">{self._say(about)}</p>' if about and rows else ""
        body = f"<table>{''.join(rows)}</table>" if rows else f"<p>{self._say(f'{key}_none')}</p>"
        return f"<h2>{self._say(key)}</h2>{lead}{body}"

    def _changes(self) -> str:
        rows = [
            f"<tr><td>{self._at(change['at'])}</td><td>{escape(change['name'])}"
            f" {escape(' · '.join(filter(None, (change['topic'], change['detail']))))}</td></tr>"
            for change in self._proof.changes
            if not change["name"].startswith("consent.")  # those stand above, in full
        ]
        handed_in = [
            f"<li>{escape(file['name'])}, {self._at(file['at'])},"
            f" SHA-256 <code>{escape(file['sha256'])}</code></li>"
            for file in self._proof.files
        ]
        changed = f"<h2>{self._say('changes')}</h2><table>{''.join(rows)}</table>" if rows else ""
        handed = f"<h2>{self._say('files')}</h2><ul>{''.join(handed_in)}</ul>" if handed_in else ""
        return changed + handed

    def _meaning(self) -> str:
        def listed(*keys: str) -> str:
            return "<ul>" + "".join(f"<li>{self._say(key)}</li>" for key in keys) + "</ul>"

        return (
            f"<h2>{self._say('proves')}</h2>"
            + listed("proves_chain", "proves_head", "proves_evidence")
            + f"<h2>{self._say('proves_not')}</h2>"
            + listed("proves_not_who", "proves_not_true", "proves_not_key", "proves_not_all")
        )

    def _check(self) -> str:
        heads = "".join(f"<li>{self._head(head)}</li>" for head in self._proof.heads)
        keys = "".join(
            f"<li><code>{self._say('key', id=key.id, at=self._at(key.since))}</code></li>"
            for key in self._proof.keys
        )
        return (
            f"<h2>{self._say('check')}</h2>"
            f"<p>{self._say('check_about', file=self._file, digest=self._sha256)}</p>"
            f"<pre><code>gateway consent verify {escape(self._file)} --key public.pem</code></pre>"
            f"<h3>{self._say('heads')}</h3><ul>{heads}</ul>"
            f"<h3>{self._say('keys')}</h3><ul>{keys}</ul>"
        )

    def _head(self, kept: ProofHead) -> str:
        signed = read_token(kept.token)
        if signed is None:
            return ""
        head = signed.head
        said = [
            self._say("head", events=self._number(head.number), at=self._at(head.at), id=head.key)
        ]
        if kept.mailed_at:
            said.append(self._say("head_mailed", at=self._at(kept.mailed_at)))
        if kept.stamp:
            try:
                stamp = read_stamp(base64.b64decode(kept.stamp), kept.token.encode())
            except (StampError, ValueError):
                pass
            else:
                at = self._at(int(stamp.at.timestamp() * 1e6))
                said.append(self._say("head_stamped", at=at, by=stamp.by))
        return f"{'; '.join(said)}<br><code>{escape(kept.token)}</code>"


def _coded(value: str) -> str:
    """A hash stands in the letters of a machine."""
    shown = escape(value)
    return f"<code>{shown}</code>" if len(value) == 64 and value.isalnum() else shown
