"""Sign-ups and questions of a website: our own pages, and what other form tools post.

    [inputs.website]
    plugin = "forms"
    topics = ["blog"]

The sign-up page is `/in/website/`.  Nothing that is posted here is a consent: a sign-up waits under a
code until its visitor sends START with it from the own phone (form/signing_up.py), which is what binds
the words on the page (form/agreement.py), its address and time to a person.

Our pages: form/website.py, form/withdrawal.py.  Other tools: form/foreign.py, how each of them posts:
form/tools.py, how it signs: form/signatures.py.  Robots: form/guard.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.routing import BaseRoute

from gateway.api import Concern, ConfigError, Context, Input, hookimpl

from .form.foreign import Foreign
from .form.pasting import addresses, snippet
from .form.settings import FormsConfig
from .form.site import Site
from .form.website import Website
from .form.withdrawal import Withdrawal


class Forms(Input):
    """One website."""

    name = "forms"
    config: FormsConfig
    _site: Site

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Put the parts together.  Raises ConfigError for topics that nobody may sign up to."""
        self._site = Site(context, self.config)
        self._check(context)
        await self._site.signing_up.recall()
        yield

    def routes(self) -> Iterable[BaseRoute]:
        """Return all pages and addresses, below `/in/NAME`."""
        parts = (Website(self._site), Foreign(self._site), Withdrawal(self._site))
        return [route for part in parts for route in part.routes()]

    async def concerns(self) -> Sequence[Concern]:
        """Say so while the page has no number to lead to."""
        if self.config.sign_up != "whatsapp" or self._site.signing_up.number(self._site.topics):
            return ()
        text = "The sign-up page turns everybody away: it does not know the number to write to."
        return (Concern("missing", text, '[senders.…] number = "+49 …", as people dial it'),)

    async def command(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Answer `gateway form`: `snippet` is HTML to paste, `addresses` are those to enter."""
        if name == "snippet":
            form, language = arguments.get("form"), arguments.get("language")
            return {"html": snippet(self._site, form, language)}
        if name == "addresses":
            return {"rows": addresses(self._site)}
        return await super().command(name, arguments)

    def _check(self, context: Context) -> None:
        named = [(f"[inputs.{self.label}]", self.config.topics)]
        for name, form in self.config.forms.items():
            named.append((f"[inputs.{self.label}.forms.{name}]", form.topics))
        problems = []
        for where, topics in named:
            for topic in topics:
                if topic not in context.topics:
                    problems.append(f"{where} topics: there is no [topics.{topic}]")
                elif context.topics[topic].closed:
                    problems.append(f"{where} topics: {topic!r} is closed; nobody signs up to it")
        if not self._site.topics and not problems:
            problems.append(f"[inputs.{self.label}] topics: there is none that people may choose")
        if problems:
            raise ConfigError(*problems)


@hookimpl
def register() -> list[type[Forms]]:
    """Hand over the input."""
    return [Forms]
