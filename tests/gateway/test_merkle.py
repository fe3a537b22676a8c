"""The tree over the ledger: roots that grow, and paths that lead to them."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.merkle import Frontier, Tree, climbed, leaf, node

VALUES = [hashlib.sha256(bytes([n])).digest() for n in range(130)]


def root_of(values: list[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 writes it down."""
    if not values:
        return hashlib.sha256(b"").digest()
    if len(values) == 1:
        return leaf(values[0])
    k = 1
    while k * 2 < len(values):
        k *= 2
    return node(root_of(values[:k]), root_of(values[k:]))


@pytest.mark.parametrize("size", range(70))
def test_the_frontier_has_the_root_of_the_rfc(size: int) -> None:
    """Leaf by leaf, and gone on with from its peaks."""
    tree = Frontier()
    for value in VALUES[:size]:
        tree = Frontier(tree.size, tree.peaks)
        tree.add(value)
    assert tree.size == size
    assert tree.root() == root_of(VALUES[:size])


@given(st.integers(1, 130), st.data())
def test_paths_lead_to_every_root_that_there_was(size: int, data: st.DataObject) -> None:
    """From the tree of all leaves, also to roots that it had when it was smaller."""
    index = data.draw(st.integers(0, size - 1))
    path = Tree(VALUES).path(index, size)
    assert climbed(VALUES[index], index, size, path) == root_of(VALUES[:size])
    assert len(path) <= (size - 1).bit_length()
    # Nothing else leads there.
    assert climbed(VALUES[(index + 1) % 130], index, size, path) != root_of(VALUES[:size])
    if path:
        assert climbed(VALUES[index], index, size, path[:-1]) != root_of(VALUES[:size])
    assert climbed(VALUES[index], index, size, [*path, VALUES[0]]) is None
    if size > 1:
        other = (index + 1) % size
        assert climbed(VALUES[index], other, size, path) != root_of(VALUES[:size])


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="no frontier"):
        Frontier(3, bytes(32))
    with pytest.raises(ValueError, match="in no tree"):
        Tree(VALUES).path(130, 130)
    with pytest.raises(ValueError, match="in no tree"):
        Tree(VALUES).path(0, 131)
    assert climbed(VALUES[0], 5, 3, []) is None
    assert climbed(VALUES[0], -1, 3, []) is None
