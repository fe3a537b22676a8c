"""Makes the bodies of webhooks, signs and posts them, and remembers the last ones."""

from __future__ import annotations

import itertools
from collections import Counter, deque
from collections.abc import Sequence

import trio

from gateway_sandbox.chaos import Chaos
from gateway_sandbox.client import NoAnswer, Poster, Target
from gateway_sandbox.events import Posted, SignatureKind, StatusLeft, Try, WebhookTried
from gateway_sandbox.leaving import Leaving, Post, StatusEvent, changes_of, record
from gateway_sandbox.state import State
from gateway_sandbox.webhooks import envelope, meta_style_dump, signature

KEPT_POSTS = 200

Answered = tuple[int | None, str | None]
"""HTTP status and None, or None and what went wrong."""


class Dispatch:
    """What leaves, and where to.  `posts`: the last webhooks; a lean sandbox keeps none.
    `statuses` counts those that left, by name."""

    def __init__(self, state: State, chaos: Chaos) -> None:
        settings = state.settings
        self._state = state
        self._chaos = chaos
        self._secret = settings.app_secret.encode()
        self._numbered = itertools.count(1)
        self.target = Target(settings.webhook) if settings.webhook else None
        self.posts: deque[Posted] = deque(maxlen=KEPT_POSTS)
        self.statuses: Counter[str] = Counter()

    def clear(self) -> None:
        self.posts.clear()
        self.statuses.clear()

    def leave(self, events: Sequence[Leaving]) -> Post:
        """Make one body of what leaves together."""
        state, first = self._state, events[0]
        now = state.clock()
        changes = changes_of(events)
        double, content = None, ""
        if state.faults.active:
            occasions = [event.occasion(state.faults, "body") for event in events]
            changes = self._chaos.disturb(changes, occasions)
            double = self._chaos.double(occasions)
            content = f"{occasions[0].content}/{occasions[0].number}"
        for event in events:
            if isinstance(event, StatusEvent):
                self.statuses[event.status["status"]] += 1
                if state.watched:
                    state.announce(_left(event, now))
        body = meta_style_dump(envelope(state.settings.account_id, changes, int(now)))
        post = Post(body, first.person, first.key, content, double=double)
        if not state.settings.lean:
            post.record = record(next(self._numbered), now, body, changes)
            self.posts.append(post.record)
        return post

    async def post(self, poster: Poster, post: Post) -> Answered:
        """POST it once."""
        state = self._state
        kind: SignatureKind = "good"
        if state.faults.active:
            header, kind = self._chaos.sign(post.body, post.occasion(state.faults))
        else:
            header = signature(self._secret, post.body)
        began = trio.current_time()
        status: int | None = None
        problem: str | None = None
        try:
            if self.target is None:
                raise NoAnswer("there is no webhook any more")
            status = await poster.post(self.target, post.body, header)
        except NoAnswer as error:
            problem = str(error)
        if post.record is not None:
            now, took = state.clock(), trio.current_time() - began
            post.record.tries.append(Try(now, took, status, problem, kind))
            if state.watched:
                state.announce(WebhookTried(now, post.record))
        return status, problem


def _left(event: StatusEvent, now: float) -> StatusLeft:
    errors = event.status.get("errors")
    return StatusLeft(
        at=now,
        contact=event.person,
        phone_number_id=event.number_id,
        wamid=event.status["id"],
        status=event.status["status"],
        code=errors[0]["code"] if errors else None,
    )
