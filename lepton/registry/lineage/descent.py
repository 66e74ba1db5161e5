"""The tree of descent: which version came of which, folded from the ledger alone, so that it needs no MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lepton.core.ledger import Ledger
from lepton.core.refs import ModelRef
from lepton.registry.eligibility import Key
from lepton.registry.lineage.family import Family, Version, family, records
from lepton.registry.lineage.phrases import cause_line, code_line, contract_line, data_lines, gate_line, standing_line
from lepton.registry.lineage.record import Lineage


@dataclass(frozen=True)
class Node:
    """A version in the tree of descent."""

    version: Version
    lineage: Lineage
    children: tuple[Node, ...]
    between: int = 0
    """Versions between this one and the one that it is drawn below, which are not shown."""

    @property
    def ref(self) -> ModelRef:
        """The version."""
        return self.version.ref

    @property
    def is_champion(self) -> bool:
        """Whether it serves its pair."""
        return self.version.serves


@dataclass(frozen=True)
class Tree:
    """The versions that are shown, and how many there are besides."""

    nodes: tuple[Node, ...]
    hidden: int = 0


def tree(ledger: Ledger, source: str, pair: str | None = None, limit: int = 0) -> Tree:
    """Return the versions that descend from each base of `source`, oldest first.

    Args:
        ledger: Holds registrations and promotions.
        source: The source domain.
        pair: Show only the versions of this pair and what they descend from.
        limit: Show so many at most: see `worth_showing`. 0 shows all.
    """
    known = family(ledger)
    scope = in_scope(known, source, pair)
    shown = worth_showing(known, scope, limit) if limit else scope
    made = records(ledger, shown)
    below: dict[Key | None, list[Node]] = {}
    places = nearest_shown(known, {one.key for one in shown})
    for one in reversed(shown):  # a parent is registered before its children, so theirs are complete
        children = tuple(reversed(below.pop(one.key, [])))
        parent, between = places[one.key]
        below.setdefault(parent, []).append(Node(one, made[one.key], children, between))
    return Tree(tuple(reversed(below.get(None, []))), len(scope) - len(shown))


def in_scope(known: Family, source: str, pair: str | None = None) -> list[Version]:
    """Return the versions of a source and its pairs, or those of one pair and all that they descend from, in order."""
    mine = [one for one in known.versions.values() if one.pair == source or one.pair.startswith(f"{source}-to-")]
    if pair is None:
        return mine
    wanted: set[Key] = set()
    for one in mine:
        if one.pair != pair:
            continue
        while one.key not in wanted:
            wanted.add(one.key)
            one = known.versions.get(one.parent, one) if one.parent else one
    return [one for one in mine if one.key in wanted]


def worth_showing(known: Family, scope: Sequence[Version], limit: int) -> list[Version]:
    """Return the versions that tell most, in order of registration: what serves and the bases it comes from, what
    waits, what served, then the newest of the others."""
    places = {one.key: place for place, one in enumerate(scope)}
    first = {one.key: place for place, one in enumerate(scope) if one.serves}
    for key, place in list(first.items()):  # newer ones come later: a base comes with the newest that serves
        root = ([known.versions[key], *known.ancestors(known.versions[key])])[-1].key
        if root in places:
            first[root] = max(place, first.get(root, 0))

    def rank(place: int) -> tuple[int, int, int]:
        one = scope[place]
        if one.key in first:
            return 0, -first[one.key], place
        return 1 if one.waits else 2 if one.reigns else 3, -place, 0

    return [scope[place] for place in sorted(sorted(range(len(scope)), key=rank)[:limit])]


def nearest_shown(known: Family, shown: set[Key]) -> dict[Key, tuple[Key | None, int]]:
    """Return for each version that is shown the nearest ancestor that is shown too, and how many lie between them."""
    found: dict[Key, tuple[Key | None, int]] = {}
    for key in shown:
        above, between = known.versions[key].parent, 0
        while above is not None and above not in shown and above in known.versions:
            above, between = known.versions[above].parent, between + 1
        found[key] = (above if above in shown else None, between)
    return found


def walk(nodes: Sequence[Node]) -> Iterator[tuple[int, Node]]:
    """Yield (depth, node) from the top down, each node before its children."""
    waiting = [(0, node) for node in reversed(nodes)]
    while waiting:
        depth, node = waiting.pop()
        yield depth, node
        waiting += [(depth + 1, child) for child in reversed(node.children)]


def to_json(nodes: Sequence[Node]) -> list[dict[str, Any]]:
    """Return one object a version, each after its parent; `lineage.parent` links them."""
    return [
        {
            "model": node.ref.to_json(),
            "pair": node.version.pair,
            "depth": depth,
            "promoted_at": node.version.reigns[0].since if node.version.reigns else None,
            **node.version.standing_json(),
            "registered_at": node.version.registered_at,
            "actor": node.version.actor,
            "lineage": node.lineage.to_json(),
        }
        for depth, node in walk(nodes)
    ]


def to_text(shown: Tree) -> str:
    """Return the tree as plain text, children indented below their parent."""
    lines: list[str] = []
    for depth, node in walk(shown.nodes):
        indent = "   " * depth
        lines.append(f"{indent}{'└─ ' if depth else ''}{node.ref.label}  {standing_line(node.version)}")
        indent += "      " if depth else "   "
        if node.between:
            above = "is not shown" if node.between == 1 else "are not shown"
            lines.append(f"{indent}{node.between} {'version' if node.between == 1 else 'versions'} between {above}")
        lines += [f"{indent}{name:<9} {text}" for name, text in describe(node.version, node.lineage)]
    return "\n".join(lines)


def describe(version: Version, made: Lineage) -> list[tuple[str, str]]:
    """Return what there is to say about a version, as (name, text) lines."""
    run = made.flow_run or {}
    return [
        *(("data", line) for line in data_lines(made)),
        ("contract", contract_line(made.contract)),
        ("strategy", made.strategy + (f", {made.cost['seconds']:.1f} s" if "seconds" in made.cost else "")),
        ("gate", gate_line(made.gate)),
        ("cause", f"{cause_line(made.cause)}, by {version.actor}"),
        ("run", " ".join(str(run[key]) for key in ("name", "id", "url") if run.get(key)) or "none"),
        ("code", code_line(made.code)),
    ]
