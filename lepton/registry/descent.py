"""The tree of descent: which version came of which, folded from the ledger alone, so that it needs no MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lepton.core.ledger import PROMOTED, REGISTERED, ROLLED_BACK, Ledger
from lepton.core.refs import DataRef, ModelRef
from lepton.registry.lineage import Lineage
from lepton.registry.standing import key_of


@dataclass(frozen=True)
class Node:
    """A version in the tree of descent."""

    ref: ModelRef
    pair: str
    lineage: Lineage
    registered_at: str
    actor: str
    is_champion: bool
    promoted_at: str | None
    """When it first served; None if it never did."""
    children: tuple[Node, ...]


def tree(ledger: Ledger, source: str, pair: str | None = None) -> list[Node]:
    """Return the versions that descend from each base of `source`, oldest first.

    Args:
        ledger: Holds registrations and promotions.
        source: The source domain.
        pair: Show only the versions of this pair and what they descend from.
    """
    moves = ledger.entries(action=(PROMOTED, ROLLED_BACK))
    champions = {row.pair: key_of(row.payload["model"]) for row in moves}
    first_served = {key_of(row.payload["model"]): row.time for row in reversed(moves)}
    rows = [
        row for row in ledger.entries(action=REGISTERED) if row.pair == source or row.pair.startswith(f"{source}-to-")
    ]
    known = {key_of(row.payload["model"]) for row in rows}
    below: dict[tuple[str, str] | None, list[Node]] = {}
    for row in reversed(rows):  # a parent is registered before its children, so theirs are complete
        lineage = Lineage.from_json(row.payload["lineage"])
        key = key_of(row.payload["model"])
        children = tuple(reversed(below.pop(key, [])))
        if pair is not None and row.pair != pair and not children:
            continue
        node = Node(
            ref=ModelRef.from_json(row.payload["model"]),
            pair=row.pair,
            lineage=lineage,
            registered_at=row.time,
            actor=row.actor,
            is_champion=champions.get(row.pair) == key,
            promoted_at=first_served.get(key),
            children=children,
        )
        parent = (lineage.parent.name, lineage.parent.version) if lineage.parent else None
        below.setdefault(parent if parent in known else None, []).append(node)
    return list(reversed(below.get(None, [])))


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
            "pair": node.pair,
            "depth": depth,
            "champion": node.is_champion,
            "promoted_at": node.promoted_at,
            "registered_at": node.registered_at,
            "actor": node.actor,
            "lineage": node.lineage.to_json(),
        }
        for depth, node in walk(nodes)
    ]


def to_text(nodes: Sequence[Node]) -> str:
    """Return the tree as plain text, children indented below their parent."""
    lines: list[str] = []
    for depth, node in walk(nodes):
        indent = "   " * depth
        lines.append(f"{indent}{'└─ ' if depth else ''}{node.ref.label}  {_standing(node)}")
        indent += "      " if depth else "   "
        lines += [f"{indent}{name:<9} {text}" for name, text in describe(node)]
    return "\n".join(lines)


def describe(node: Node) -> list[tuple[str, str]]:
    """Return what there is to say about a version, as (name, text) lines."""
    made = node.lineage
    run = made.flow_run or {}
    return [
        *(("data", line) for line in _data_lines(made)),
        ("contract", _contract_line(made.contract)),
        ("strategy", made.strategy + (f", {made.cost['seconds']:.1f} s" if "seconds" in made.cost else "")),
        ("gate", gate_line(made.gate)),
        ("cause", f"{cause_line(made.cause)}, by {node.actor}"),
        ("run", " ".join(str(run[key]) for key in ("name", "id", "url") if run.get(key)) or "none"),
        ("code", _code_line(made.code)),
    ]


def cause_line(cause: Mapping[str, Any]) -> str:
    """Return why a version was made, in a few words."""
    kind = str(cause.get("kind", "unknown"))
    if cause.get("reason"):
        return f"{kind}: {cause['reason']}"
    seen = cause.get("observation") or {}
    scores = seen.get("scores") or {}
    if not scores:
        return kind
    aspect = max(scores, key=lambda name: scores[name])
    return f"{kind}: {aspect} {scores[aspect]:.2f} in window {seen.get('window', '?')}"


def gate_line(verdict: Mapping[str, Any] | None) -> str:
    """Return a verdict in one line."""
    if not verdict:
        return "not asked: there was nothing to replace"
    if verdict.get("summary"):
        return str(verdict["summary"])
    if not verdict.get("passed"):
        return "refused: " + "; ".join(verdict.get("reasons", ()))
    parts = [f"{one['difference']:+.3f} vs {one['against']}" for one in verdict.get("comparisons", ())]
    return f"passed on {verdict.get('rows', '?')} rows" + (": " + ", ".join(parts) if parts else "")


def _data_lines(made: Lineage) -> list[str]:
    """Return one line for each distinct data set, with the uses that it served."""
    uses: dict[DataRef, list[str]] = {}
    for use, ref in made.data.items():
        uses.setdefault(ref, []).append(use)
    lines = []
    for ref, names in uses.items():
        batches = [*ref.batches[:3], "...", ref.batches[-1]] if len(ref.batches) > 5 else [*ref.batches]
        lines.append(
            f"{', '.join(names)}: {ref.domain} {ref.digest[:12]}, {ref.rows:,} rows, {ref.labelled:,} labelled,"
            f" {len(ref.batches)} {'batch' if len(ref.batches) == 1 else 'batches'} ({', '.join(batches)})"
        )
    return lines


def _contract_line(result: Mapping[str, Any] | None) -> str:
    if not result:
        return "not recorded"
    deliveries = result.get("deliveries")
    words = ["passed" if result.get("passed") else "not passed"]
    words += [f"{deliveries} {'delivery' if deliveries == 1 else 'deliveries'} checked"] if deliveries else []
    words += [f"contract {str(result['contract'])[:12]}"] if result.get("contract") else []
    return ", ".join(words)


def _code_line(code: Mapping[str, Any]) -> str:
    version = f"lepton {code.get('version', '?')}"
    if not code.get("revision"):
        return f"{version}, not from a checkout"
    return f"{version}, revision {str(code['revision'])[:12]}" + (
        ", with uncommitted changes" if code.get("dirty") else ""
    )


def _standing(node: Node) -> str:
    if node.is_champion:
        return f"champion, first promoted {_minute(node.promoted_at)}"
    if node.promoted_at is not None:
        return f"served from {_minute(node.promoted_at)}"
    return "never promoted"


def _minute(moment: str | None) -> str:
    return f"{moment[:16].replace('T', ' ')} UTC" if moment else "?"
