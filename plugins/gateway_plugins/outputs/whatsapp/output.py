"""The WhatsApp output: composes, sends, and hears what became of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import trio

from gateway.api import (
    Concern,
    ConfigError,
    Content,
    Context,
    Delivery,
    DeliveryError,
    Effect,
    FetchError,
    Hold,
    Message,
    Output,
    Template,
    TemplateFacts,
    Text,
    Topic,
)
from gateway_plugins.outputs.whatsapp import payloads, probing
from gateway_plugins.outputs.whatsapp.beside import Aliases
from gateway_plugins.outputs.whatsapp.codes import ADVICE, NAMES, PERSONAL, PROBING
from gateway_plugins.outputs.whatsapp.compose import HOLDS, as_text, by_template
from gateway_plugins.outputs.whatsapp.definitions import Definition
from gateway_plugins.outputs.whatsapp.endpoint import Endpoint
from gateway_plugins.outputs.whatsapp.errors import Pauses, failure, provider_id, retry_after
from gateway_plugins.outputs.whatsapp.media import Media
from gateway_plugins.outputs.whatsapp.news import STOPS
from gateway_plugins.outputs.whatsapp.number import BLOCKED, Number
from gateway_plugins.outputs.whatsapp.rules import Rule
from gateway_plugins.outputs.whatsapp.settings import WhatsAppConfig, version_warning
from gateway_plugins.outputs.whatsapp.templates import TemplateList
from gateway_plugins.outputs.whatsapp.webhook import Reader

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


TEMPLATE_STATUS = {132015: "PAUSED", 132016: "DISABLED"}
"""What a refusal says of the template, as Meta's list would."""


class WhatsApp(Output):
    """One business number at Meta's Cloud API."""

    name = "whatsapp"
    identity_kinds: ClassVar[tuple[str, ...]] = ("phone", "user_id")
    windows: ClassVar[bool] = True
    reports: ClassVar[bool] = True
    codes: ClassVar[frozenset[str]] = NAMES | payloads.CODES | HOLDS | STOPS | {BLOCKED}
    """Every code of its own that it raises, holds or stops with, or reports in a status."""
    personal: ClassVar[frozenset[str]] = PERSONAL
    advice: ClassVar[Mapping[str, str]] = ADVICE
    probed: ClassVar[Mapping[str, tuple[float, float]]] = PROBING
    config: WhatsAppConfig

    _context: Context
    _templates: TemplateList
    _endpoint: Endpoint
    _aliases: Aliases
    _number: Number

    def __init__(self, config: WhatsAppConfig, label: str) -> None:
        super().__init__(config, label)
        self.display = config.number
        self.portfolio = f"whatsapp {config.portfolio or config.account_id}"
        self.sends_as = f"phone_number_id {config.phone_number_id}"
        self._url = config.messages_url
        self._headers = config.headers
        self._pauses = Pauses()
        self._told = ""  # the account trouble that the log has already

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Read the kept templates; Meta is asked beside, and nothing waits for its answer."""
        config = self.config
        self._context = context
        self._templates = TemplateList(
            context, config.templates_url, self._headers, config.account_id, config.token.reveal()
        )
        await self._templates.load()
        reader = Reader(
            self.label, config.phone_number_id, config.account_id, self._templates.changed,
            self._named,
        )  # fmt: skip
        media = Media(context, config, config.media) if config.media else None
        if media is not None:
            await media.load()
        self._endpoint = Endpoint(context, reader, config.signing_keys, config.verify_token, media)
        warning = version_warning(config.version, context.clock.now().date())
        if warning is not None:
            context.log.warning("%s", warning)
        self._aliases = Aliases(context, self.label)
        self._number = Number(
            context, config.number_url, self._headers, config.token.reveal(), reader.name
        )
        async with trio.open_nursery() as beside:
            beside.start_soon(self._aliases.run)
            if media is not None:
                beside.start_soon(media.run)
            if config.number_every:
                beside.start_soon(self._number.run, config.number_every)
                beside.start_soon(self._templates.run, config.number_every)
            yield
            beside.cancel_scope.cancel()

    def _named(self, number: str) -> None:
        self.display = self.config.number or number or self.display

    def routes(self) -> Iterable[BaseRoute]:
        """The webhook, below `/hook/LABEL/`."""
        return self._endpoint.routes()

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content] | Hold:
        """Return the text form, and the template form if message or topic name a template.

        An answer to a person (service, confirmation) goes inside that person's window and does
        not wait for a template that cannot be had.  Nobody is asked or answered in the words that
        announce a post: such a message has its own template, or none.
        """
        text = as_text(message, self._context.texts.say("whatsapp.menu", message.language))
        name = message.template
        personal = message.kind in {"service", "confirmation"}
        if name is None and topic is not None and not personal:
            name = topic.template
        if isinstance(text, Hold) or topic is None or name is None:
            return text if isinstance(text, Hold) else (text,)
        template = await self._by_template(name, message, topic)
        if isinstance(template, Hold):
            return (text,) if personal else template
        return (text, template)

    async def _by_template(self, name: str, message: Message, topic: Topic) -> Template | Hold:
        found = await self._templates.get(
            name, message.language, topic.name, self.config.templates_every
        )
        if isinstance(found, Hold):
            return found
        return by_template(found, message, topic, self._context.stop_words)

    async def concerns(self) -> Sequence[Concern]:
        """Templates without a way out, as far as Meta's list was heard of."""
        words, named = self._context.stop_words, self._context.topics.values()
        used = {topic.template for topic in named if not topic.closed}
        return [
            Concern(
                "missing",
                f"The template “{one.name}” ({one.language}) does not say how to stop.",
                'give it a footer such as "Abmelden: antworte STOP", and submit it again',
            )
            for one in self.known_templates()
            if one.name in used and not one.summary(words)["way_out"]
        ]

    async def send(self, delivery: Delivery) -> str:
        """Send once and return Meta's id (`wamid.…`).

        200 means accepted; what becomes of it comes by webhook.  Raises NotSent, Rejected or
        Unknown with a code of the table in codes.py, of payloads.py, or of the
        HTTP client.
        """
        body = payloads.body(delivery)
        answer = await self._context.http.post(self._url, body, self._headers)
        sent = provider_id(answer.status, answer.body)
        if sent is not None:
            self._pauses.succeeded()
            self._told = ""
            if (phone := delivery.identity("phone")) is not None:
                self._aliases.look(phone.value, answer.body)
            return sent
        raise self._refusal(delivery, answer.status, answer.headers, answer.body)

    def _refusal(
        self, delivery: Delivery, status: int, headers: Mapping[str, str], body: bytes
    ) -> DeliveryError:
        refused = failure(status, body, _private(delivery, self.config))
        rule, now = refused.rule, self._context.clock.now()
        pause = self._pauses.next(rule, delivery.failures + 1, now.timestamp())
        if rule.family == "ACC" and self._told != rule.name:
            self._told = rule.name
            self._context.log.error("%s: %s (%s)", rule.name, rule.advice, refused.detail)
        if rule.scope == "template":
            self._doubt(delivery, rule)
        return refused.error(retry_after(rule, headers, pause, now))

    def _doubt(self, delivery: Delivery, rule: Rule) -> None:
        """What we know of the template is wrong: take it as paused, or ask before the next one."""
        form = delivery.content
        status = TEMPLATE_STATUS.get(rule.code, "")
        if isinstance(form, Template) and status:
            self._templates.changed(form.name, form.language, status)
        else:
            self._templates.changed()

    async def probe(self) -> Sequence[Effect]:
        """Ask about number and templates.  See Output.probe."""
        return await probing.probe(self._number, self._templates)

    async def sync_templates(self) -> list[Definition]:
        """Ask Meta for all templates.  Raises FetchError or DeliveryError."""
        return await self._templates.sync()

    @property
    def templates(self) -> Sequence[TemplateFacts] | None:
        """See Output.templates."""
        known = self._templates.known
        return None if known is None else tuple(one.facts for one in known)

    def known_templates(self) -> list[Definition]:
        """Return the templates as last heard of."""
        return list(self._templates.known or ())

    async def command(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Answer `templates_sync` and `templates_list` with one object per template."""
        if name == "templates_sync":
            try:
                await self.sync_templates()
            except (FetchError, DeliveryError) as error:
                raise ConfigError(f"Meta did not give the list of templates: {error}") from error
        elif name != "templates_list":
            return await super().command(name, arguments)
        if self._templates.known is None:
            raise ConfigError("Meta was not asked for its templates yet: gateway templates sync")
        words = self._context.stop_words
        return [one.summary(words) for one in self.known_templates()]


def _private(delivery: Delivery, config: WhatsAppConfig) -> list[str]:
    """What Meta might quote and nobody may read in a log: token, recipient, texts."""
    content = delivery.content
    hidden = [config.token.reveal(), *(identity.value for identity in delivery.identities)]
    hidden += [identity.value.removeprefix("+") for identity in delivery.identities]
    if isinstance(content, Text):
        words = [content.body, content.menu]
        for button in content.buttons:
            words += (button.text, button.payload, button.value)
        if (card := content.card) is not None:
            words += (card.name, card.phone, card.phone.removeprefix("+"), card.mail, card.web)
        return [*hidden, *words, *map(payloads.flat, words)]
    values = (*content.parameters.values(), *content.header_parameters.values())
    return [*hidden, *values, *map(payloads.flat, values), *(b.value for b in content.buttons)]
