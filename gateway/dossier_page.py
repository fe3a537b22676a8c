"""What is stored about a person, as a page for that person: printable, with nothing to load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape
from typing import Any
from zoneinfo import ZoneInfo

from gateway.config import GatewayConfig
from gateway.paper import paper
from gateway.proof_words import DAY_FIRST, pairs, quote
from gateway.services import Texts

Row = Mapping[str, Any]


class DossierPage:
    """Renders the answer of `contacts_export` in one language."""

    def __init__(self, found: Row, config: GatewayConfig, texts: Texts) -> None:
        self._found = found
        self._config = config
        self._texts = texts
        self._language = texts.language(found["language"])
        self._zone = ZoneInfo(config.company.time_zone)

    def render(self, made: datetime) -> str:
        """Return the page: HTML with its style in it, no script."""
        title = self._say("title")
        by = self._say("by", company=self._config.company.name, at=self._time(made))
        parts = (
            f"<h1>{title}</h1>",
            f'<p class="by">{by}</p>',
            f"<p>{self._say('about')}</p>",
            self._person(),
            self._consents(),
            self._events(),
            self._list("sent", self._found["sent"], self._sent),
            self._list("received", self._found["received"], self._received),
            self._list("cases", self._found["cases"], self._case),
            self._list("sign_ups", self._found["sign_ups"], self._sign_up),
            self._list("files", self._found["proof_files"], self._file),
            self._list("looked_up", self._found["looked_up"], self._lookup),
            self._rights(),
        )
        return paper(self._language, title, parts)

    # --- parts ----------------------------------------------------------------------------------
    def _person(self) -> str:
        found = self._found
        rows = [(self._say("name"), escape(found["name"]))] if found["name"] else []
        rows += [
            (
                self._known(f"identity_{one['kind']}", one["kind"]),
                escape(one["value"])
                + (f" ({self._of_proof('until', at=self._at(one['retired_at']))})"
                   if one["retired_at"] else ""),
            )
            for one in found["identities"]
        ]  # fmt: skip
        rows.append((self._say("since"), self._at(found["created_at"])))
        if found["language"]:
            rows.append((self._say("language"), escape(found["language"])))
        if found["paused_until"]:
            rows.append((self._say("paused"), self._at(found["paused_until"])))
        if found["per_week"]:
            rows.append((self._say("per_week"), str(found["per_week"])))
        rows.append((self._say("number"), escape(found["contact"])))
        return f"<h2>{self._say('person')}</h2>{pairs(rows)}"

    def _consents(self) -> str:
        boxes = []
        for one in self._found["consents"]:
            state = self._of_proof(f"state_{one['state']}", at=self._at(one["since"]))
            topic = self._config.topics.get(one["topic"])
            purpose = f"<span>{escape(topic.purpose)}</span>" if topic else ""
            boxes.append(
                f'<div class="state {escape(one["state"])}"><b>{self._topic(one["topic"])}</b>'
                f"{purpose}<span>{state}</span></div>"
            )
        empty = f"<p>{self._of_proof('nothing')}</p>"
        return f"<h2>{self._say('consents')}</h2>{''.join(boxes) or empty}"

    def _events(self) -> str:
        items = []
        for one in self._found["consent_events"]:
            rows = [(self._of_proof("source"), escape(one["source"]))] if one["source"] else []
            for key, value in (one["evidence"] or {}).items():
                rows.append((self._known(f"evidence_{key}", key), f"{escape(str(value))}"))
            wording = ""
            if one["wording"]:
                wording = quote(self._of_proof("wording"), escape(one["wording"]["text"]))
            items.append(
                f'<li class="{escape(one["name"])}"><h3>{self._topic(one["topic"])}:'
                f" {self._known('event_' + one['name'], one['name'])}</h3>"
                f'<p class="quiet">{self._at(one["at"])}</p>{pairs(rows)}{wording}</li>'
            )
        if not items:
            return ""
        return f'<h2>{self._say("events")}</h2><ol class="events">{"".join(items)}</ol>'

    def _list(self, key: str, rows: Iterable[Row], cells: Any) -> str:
        body = "".join(
            f"<tr><td>{at}</td><td>{text}</td></tr>" for row in rows for at, text in [cells(row)]
        )
        return f"<h2>{self._say(key)}</h2><table>{body}</table>" if body else ""

    def _sent(self, row: Row) -> tuple[str, str]:
        tries = row["attempts"]
        at = self._at(tries[-1]["began_at"]) if tries else ""
        texts = [one["text"] for one in tries if one["text"]]
        text = escape(texts[-1]) if texts else f"<i>{self._of_proof('text_gone')}</i>"
        about = " · ".join(
            filter(
                None,
                [
                    self._topic(row["topic"]) if row["topic"] else "",
                    self._one("state", row["state"], "else"),
                ],
            )
        )
        return at, f'<div class="said">{text}</div><span class="quiet">{about}</span>'

    def _received(self, row: Row) -> tuple[str, str]:
        said = row["caption"] or row["words"] or f"({row['kind']})"
        return self._at(row["at"]), f'<div class="said">{escape(said)}</div>'

    def _case(self, row: Row) -> tuple[str, str]:
        fields = pairs((escape(name), escape(value)) for name, value in row["fields"].items())
        answer = quote(self._say("answer"), escape(row["answer"])) if row["answer"] else ""
        said = f'<div class="said">{escape(row["text"])}</div>'
        kind = self._one("case", row["kind"], "else")
        return self._at(row["opened_at"]), f"{kind}{said}{fields}{answer}"

    def _sign_up(self, row: Row) -> tuple[str, str]:
        shown = [(self._known(f"evidence_{k}", k), escape(v)) for k, v in row["evidence"].items()]
        return self._at(row["at"]), f"{escape(row['source'])}{pairs(shown)}"

    def _file(self, row: Row) -> tuple[str, str]:
        return self._at(row["at"]), f"{escape(row['name'])}<br><code>{row['sha256']}</code>"

    def _lookup(self, row: Row) -> tuple[str, str]:
        return self._at(row["at"]), escape(row["what"])

    def _rights(self) -> str:
        company, keep = self._config.company, self._config.retention
        days = {key: round(getattr(keep, key) / 86400) for key in keep.__struct_fields__}
        told = [
            self._say("controller", company=company.name, contact=company.mail or company.imprint),
            self._say("recipients"),
            self._say("kept", **days),
            self._say("rights"),
        ]
        if company.privacy:
            told.append(self._say("privacy", link=company.privacy))
        return f"<h2>{self._say('your_rights')}</h2>" + "".join(f"<p>{one}</p>" for one in told)

    # --- words ----------------------------------------------------------------------------------
    def _say(self, key: str, **values: object) -> str:
        return escape(self._texts.say(f"export.{key}", self._language, **values))

    def _of_proof(self, key: str, **values: object) -> str:
        return escape(self._texts.say(f"proof.{key}", self._language, **values))

    def _one(self, kind: str, name: str, otherwise: str) -> str:
        """A word of [export] for one of several names."""
        try:
            return self._say(f"{kind}_{name}")
        except KeyError:
            return self._say(f"{kind}_{otherwise}")

    def _known(self, key: str, otherwise: str) -> str:
        try:
            return self._of_proof(key)
        except KeyError:
            return escape(otherwise)

    def _topic(self, name: str) -> str:
        if name == "*":
            return self._of_proof("everything")
        topic = self._config.topics.get(name)
        return escape(topic.title if topic else name)

    def _at(self, when: str) -> str:
        return self._time(datetime.fromisoformat(when))

    def _time(self, at: datetime) -> str:
        shape = DAY_FIRST.get(self._language, "%Y-%m-%d %H:%M:%S")
        return at.astimezone(self._zone).strftime(shape)
