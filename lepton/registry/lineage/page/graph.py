"""What the page draws: a lane a domain, in it each version with the data it first saw and the drift that called for it.

Nodes and edges only; where they lie is decided in the page, because it changes as a reader folds and unfolds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lepton.core.ledger import Ledger
from lepton.core.refs import DataRef
from lepton.registry.eligibility import Key
from lepton.registry.lineage.descent import describe, in_scope, nearest_shown, worth_showing
from lepton.registry.lineage.family import Version, family, records
from lepton.registry.lineage.phrases import because, cause_line, moment, span, standing_line
from lepton.registry.lineage.record import Lineage

Json = dict[str, Any]
MOST = 500
"""Versions on one page by default; a browser lays out as many, with data and causes, in a fraction of a second."""


def graph(ledger: Ledger, source: str, pair: str | None = None, limit: int = MOST) -> Json:
    """Return lanes, nodes and edges; JSON-able.

    Args:
        ledger: Nothing else is read.
        source: The source domain.
        pair: Only this pair's lane and what it descends from.
        limit: Versions at most, as `worth_showing` ranks them; 0 for all.
    """
    known = family(ledger)
    scope = in_scope(known, source, pair)
    shown = worth_showing(known, scope, limit) if limit else scope
    made = records(ledger, shown)
    places = nearest_shown(known, {one.key for one in shown})
    lanes = dict.fromkeys([source, *(one.pair for one in shown)])
    nodes: list[Json] = [_source(source, scope)]
    edges: list[Json] = []
    data: dict[tuple[str, str, str], str] = {}
    for at, one in enumerate(shown):
        name = _id(one.key)
        parent, between = places[one.key]
        nodes.append(_version(one, made[one.key], at))
        if parent is not None:
            edges.append({"from": _id(parent), "to": name, "kind": "parent", "between": between})
        elif one.pair == source:
            edges.append({"from": "source", "to": name, "kind": "parent", "between": between})
        drawn, lines = _data(one, made[one.key], data)
        nodes += drawn
        edges += lines
        if (cause := _cause(one, made[one.key])) is not None:
            nodes.append(cause)
            edges.append({"from": cause["id"], "to": name, "kind": "cause"})
    return {
        "source": source,
        "lanes": [{"id": lane, "label": lane.removeprefix(f"{source}-to-"), "base": lane == source} for lane in lanes],
        "nodes": nodes,
        "edges": edges,
        "hidden": len(scope) - len(shown),
        "total": len(scope),
        "rows": ledger.last_seq(),
    }


def _id(key: Key) -> str:
    return f"{key[0]}@{key[1]}"


def _source(source: str, scope: Sequence[Version]) -> Json:
    pairs = {one.pair for one in scope} - {source}
    return {
        "id": "source",
        "kind": "source",
        "lane": source,
        "label": source,
        "sub": "source domain",
        "state": "",
        "details": [["kind", "source domain"], ["targets", str(len(pairs))], ["versions", f"{len(scope):,}"]],
    }


def _version(one: Version, made: Lineage, at: int) -> Json:
    details = [["standing", standing_line(one)], ["registered", f"{moment(one.registered_at)} by {one.actor}"]]
    details += [
        [
            "served",
            f"{span(reign.since, reign.until)}, {because(reign.because)}",
        ]
        for reign in one.reigns
    ]
    if one.why:
        details.append([one.verdict, one.why])
    details += [[name, text] for name, text in describe(one, made)]
    for rival in (made.gate or {}).get("comparisons", ()):
        if {"against", "difference", "p_worse"} <= set(rival):
            told = f"{rival['difference']:+.4f} vs {rival['against']}, p worse {rival['p_worse']:.3g}"
            details.append(["evidence", told])
    details += [["seed", str(made.seed)], ["digest", one.ref.digest], ["ledger row", str(one.row)]]
    accuracy = made.metrics.get("accuracy")
    score = f" · {accuracy:.3f}" if isinstance(accuracy, int | float) else ""
    return {
        "id": _id(one.key),
        "kind": "version",
        "lane": one.pair,
        "at": at,
        "label": f"v{one.ref.version}",
        "name": one.ref.label,
        "sub": f"{made.strategy}{score}",
        "state": one.standing(),
        "recalled": bool(one.recalled),
        "minor": not one.reigns and not one.waits,
        "details": details,
    }


def _data(one: Version, made: Lineage, known: dict[tuple[str, str, str], str]) -> tuple[list[Json], list[Json]]:
    """Return a node for each data set that is new to the version's lane, and an edge for each that it saw."""
    nodes, edges = [], []
    uses: dict[DataRef, list[str]] = {}
    for use, ref in made.data.items():
        uses.setdefault(ref, []).append(use)
    for ref, names in uses.items():
        place = (one.pair, ref.domain, ref.digest)
        if place not in known:
            known[place] = f"data:{len(known)}"
            nodes.append(
                {
                    "id": known[place],
                    "kind": "data",
                    "lane": one.pair,
                    "label": ref.domain,
                    "sub": f"{ref.rows:,} rows",
                    "state": "",
                    "details": [
                        ["domain", ref.domain],
                        ["digest", ref.digest],
                        ["rows", f"{ref.rows:,}, {ref.labelled:,} labelled"],
                        ["batches", ", ".join(ref.batches)],
                        ["data.dvc", ref.dvc_md5 or "not recorded"],
                    ],
                }
            )
        edges.append({"from": known[place], "to": _id(one.key), "kind": "data", "label": ", ".join(names)})
    return nodes, edges


def _cause(one: Version, made: Lineage) -> Json | None:
    """Return a node for the drift that called for a version; None if it was something else."""
    if made.cause.kind != "drift":
        return None
    scores = [["score", f"{name} {value:.3g}"] for name, value in made.cause.scores.items()]
    return {
        "id": f"cause:{_id(one.key)}",
        "kind": "cause",
        "lane": one.pair,
        "label": "drift",
        "sub": made.cause.window,
        "state": "",
        "details": [["cause", cause_line(made.cause)], *scores, ["led to", one.ref.label]],
    }
