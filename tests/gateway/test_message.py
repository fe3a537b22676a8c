"""Values are frozen, with what is inside of them: many deliveries share one."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.message import Message, Template, Topic

TEMPLATE = Template(
    name="post", language="de", body="{{t}}", parameters={"t": "x"}, header_parameters={"h": "y"}
)
TOPIC = Topic(name="blog", title="Blog", purpose="Beiträge", parameters={"t": "{title}"})


def decoded() -> Template:
    raw = msgspec.json.encode(Message(external_id="1", forms=(TEMPLATE,)))
    (form,) = msgspec.json.decode(raw, type=Message).forms
    assert isinstance(form, Template)
    return form


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.__setitem__("t", "z"),
        lambda d: d.__delitem__("t"),
        lambda d: d.update(t="z"),
        lambda d: d.__ior__({"t": "z"}),
        lambda d: d.pop("t"),
        lambda d: d.popitem(),
        lambda d: d.clear(),
        lambda d: d.setdefault("new", "z"),
    ],
)
@pytest.mark.parametrize(
    "shared",
    [
        TEMPLATE.parameters,
        TEMPLATE.header_parameters,
        TEMPLATE.replace(name="other").parameters,
        TOPIC.parameters,
        decoded().parameters,
    ],
)
def test_what_is_shared_cannot_be_changed(
    shared: dict[str, str], change: Callable[[dict[str, str]], Any]
) -> None:
    """A middleware that writes into one delivery's parameters would write into all of them."""
    before = dict(shared)
    with pytest.raises(TypeError, match="change a copy"):
        change(shared)
    assert shared == before


def test_a_changed_copy_is_as_easy() -> None:
    """`replace` with a new dictionary changes one value and leaves the other."""
    changed = TEMPLATE.replace(parameters={**TEMPLATE.parameters, "t": "z"})
    assert (changed.rendered, TEMPLATE.rendered) == ("z", "x")
    given = {"t": "x"}
    made = TEMPLATE.replace(parameters=given)
    given["t"] = "later"
    assert made.rendered == "x"


@pytest.mark.parametrize(
    "way",
    [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t)), lambda _: decoded()],
)
def test_it_is_copied_and_encoded_as_ever(way: Callable[[Template], Template]) -> None:
    """Equal after every way of copying, and still read-only."""
    assert way(TEMPLATE) == TEMPLATE
    with pytest.raises(TypeError):
        way(TEMPLATE).parameters["t"] = "z"
