"""Redirects of a feed whose host may be private: only that host, and only until it is left."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api import FetchError
from gateway_plugins.inputs.feed.fetching import Asked, Trouble, fetch
from tests.plugins.inputs.feed.scripted import Answered

OWN = "http://10.0.0.5/feed"


class Hops:
    """A network of redirects, which notes for each hop whether it had to be public."""

    def __init__(self, **hops: tuple[int, str]) -> None:
        self.hops = {name.replace("_", "/"): hop for name, hop in hops.items()}
        self.asked: list[tuple[str, bool]] = []

    async def get(self, url: str, headers: Any = None, **limits: Any) -> Answered:
        self.asked.append((url, limits["public_only"]))
        assert limits.get("follow_redirects", 0) == 0
        status, where = self.hops.get(url.split("://")[1], (200, ""))
        return Answered(status=status, headers={"location": where} if where else {}, url=url)


@pytest.mark.parametrize(
    ("hops", "asked", "moved"),
    [
        ({}, [(OWN, False)], None),
        (
            {"10.0.0.5_feed": (301, "/neu"), "10.0.0.5_neu": (302, "//10.0.0.5/x")},
            [(OWN, False), ("http://10.0.0.5/neu", False), ("http://10.0.0.5/x", False)],
            "http://10.0.0.5/neu",
        ),
        (
            # out and back again: somebody outside must not name an address in here
            {"10.0.0.5_feed": (308, "https://blog.example/a"),
             "blog.example_a": (301, "http://10.0.0.5/admin")},
            [(OWN, False), ("https://blog.example/a", True), ("http://10.0.0.5/admin", True)],
            "http://10.0.0.5/admin",
        ),
        (
            {"10.0.0.5_feed": (307, "http://10.0.0.6/")},
            [(OWN, False), ("http://10.0.0.6/", True)],
            None,
        ),
    ],
)  # fmt: skip
async def test_only_its_own_host_may_be_private(
    hops: dict[str, tuple[int, str]], asked: list[tuple[str, bool]], moved: str | None
) -> None:
    http = Hops(**hops)
    answer = await fetch(http, Asked(OWN, private=True))  # type: ignore[arg-type]
    assert not isinstance(answer, Trouble)
    assert http.asked == asked
    assert (answer.url, answer.moved) == (asked[-1][0], moved)


async def test_a_circle_of_a_private_host_ends() -> None:
    http = Hops(**{"10.0.0.5_feed": (301, "/feed")})
    answer = await fetch(http, Asked(OWN, private=True))  # type: ignore[arg-type]
    assert isinstance(answer, Trouble)
    assert answer.why.startswith("redirects lead in a circle")
    assert len(http.asked) == 6


async def test_a_redirect_into_the_private_network_is_not_blamed_on_the_switch() -> None:
    class Refusing(Hops):
        async def get(self, url: str, headers: Any = None, **limits: Any) -> Answered:
            if limits["public_only"]:
                raise FetchError("private_address", "10.0.0.6")
            return await super().get(url, headers, **limits)

    http = Refusing(**{"10.0.0.5_feed": (302, "http://10.0.0.6/")})
    answer = await fetch(http, Asked(OWN, private=True))  # type: ignore[arg-type]
    assert isinstance(answer, Trouble)
    assert answer.why.startswith("a redirect leads out of its host and into a private network")
    assert "allows" not in answer.why


async def test_any_other_feed_is_asked_on_public_addresses_only() -> None:
    class Refusing:
        async def get(self, url: str, headers: Any = None, **limits: Any) -> Answered:
            assert limits == {"max_bytes": 2_000_000, "follow_redirects": 5, "public_only": True}
            raise FetchError("private_address", "blog.example")

    answer = await fetch(Refusing(), Asked(OWN))  # type: ignore[arg-type]
    assert isinstance(answer, Trouble)
    assert "which private = true allows (private_address: blog.example)" in answer.why
