"""Everything on record of one version, and what two versions differ in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lepton.registry.lineage.family import Family, Version
from lepton.registry.lineage.phrases import cause_line
from lepton.registry.lineage.record import Lineage

Json = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """One thing that two versions differ in."""

    part: str
    what: str
    a: Any
    b: Any

    def to_json(self) -> Json:
        """Return a JSON object."""
        return {"part": self.part, "what": self.what, "a": self.a, "b": self.b}


def dossier(known: Family, version: Version, made: Lineage) -> Json:
    """Return everything that is on record of a version; None stands for what older records do not have."""
    line = known.ancestors(version)
    below = known.descendants(version)
    record = made.to_json()
    return {
        "model": version.ref.to_json(),
        "pair": version.pair,
        "registered": {"at": version.registered_at, "by": version.actor, "row": version.row},
        **version.standing_json(),
        "parent": record["parent"],
        "descends_from": [one.ref.to_json() for one in line],
        "base": line[-1].ref.to_json() if line else None,
        "considered": record["ancestors"],
        "data": {use: _use(ref, made.rows.get(use)) for use, ref in record["data"].items()},
        **{name: record[name] for name in ("strategy", "contract", "config", "seed")},
        "threads": made.threads or None,
        "code": record["code"],
        "dependencies": record["dependencies"] or None,
        "device": made.device or None,
        **{name: record[name] for name in ("libraries", "flow_run", "cause", "gate", "metrics", "cost")},
        "key": made.key or None,
        "descendants": [
            {"model": one.ref.to_json(), "parent": list(one.parent or ()), "standing": one.standing()} for one in below
        ],
    }


def differences(a: Version, made_a: Lineage, b: Version, made_b: Lineage) -> list[Difference]:
    """Return what two versions differ in, part by part; nothing that is the same in both."""
    found = _data(made_a, made_b)
    one, other = _parts(a, made_a), _parts(b, made_b)
    for part in one:
        found += [Difference(part, *line) for line in _compared(one[part], other[part])]
    return found


def flat(value: Any, name: str = "") -> Json:
    """Return nested objects as one, with dotted keys; a list is a value."""
    if not isinstance(value, Mapping):
        return {name: value}
    found: Json = {}
    for key, inner in value.items():
        found |= flat(inner, f"{name}.{key}" if name else str(key))
    return found


def _use(ref: Json, rows: Mapping[str, Any] | None) -> Json:
    """Return the data of one use, and the rows of it that served this use, if they are on record."""
    return {**ref, "used": dict(rows) if rows else None}


def _parts(version: Version, made: Lineage) -> dict[str, Json]:
    return {
        "model": {
            "pair": version.pair,
            "parent": made.parent.label if made.parent else None,
            "strategy": made.strategy,
            "standing": version.standing(),
        },
        "config": flat(made.config),
        "seed": {"seed": made.seed, "threads": made.threads or None},
        "code": flat(made.code),
        "libraries": {**made.libraries},
        "dependencies": {**made.dependencies},
        "device": {"device": made.device or None},
        "contract": flat(made.contract or {}),
        "cause": {"cause": cause_line(made.cause)},
        "metrics": flat(made.metrics),
        "gate": _gate(made.gate),
        "cost": {**made.cost},
    }


def _gate(verdict: Mapping[str, Any] | None) -> Json:
    """Return a verdict with its comparisons by rival, so that two can be held beside each other."""
    given = dict(verdict or {})
    comparisons: Sequence[Mapping[str, Any]] = given.pop("comparisons", None) or ()
    given.pop("summary", None)  # says the same in words
    by_rival = {str(one["against"]): {k: v for k, v in one.items() if k != "against"} for one in comparisons}
    return flat({**given, **({"against": by_rival} if by_rival else {})})


def _compared(a: Json, b: Json) -> list[tuple[str, Any, Any]]:
    return [(name, a.get(name), b.get(name)) for name in dict.fromkeys([*a, *b]) if a.get(name) != b.get(name)]


def _data(a: Lineage, b: Lineage) -> list[Difference]:
    """Return how the data differ: batches that only one saw, then counts and digests, use by use."""
    found = []
    for use in dict.fromkeys([*a.data, *b.data]):
        one, other = a.data.get(use), b.data.get(use)
        before, after = (list(ref.batches) if ref else [] for ref in (one, other))
        if one and other and one.domain != other.domain:
            found.append(Difference("data", f"{use}.domain", one.domain, other.domain))
        removed = [batch for batch in before if batch not in set(after)]
        added = [batch for batch in after if batch not in set(before)]
        if removed or added:
            found.append(Difference("data", f"{use}.batches", removed, added))
        lines = [
            {
                "rows": ref.rows if ref else None,
                "labelled": ref.labelled if ref else None,
                "digest": ref.digest if ref else None,
                "dvc_md5": ref.dvc_md5 if ref else None,
                **{f"used.{name}": value for name, value in (made.rows.get(use) or {}).items()},
            }
            for ref, made in ((one, a), (other, b))
        ]
        found += [Difference("data", f"{use}.{name}", x, y) for name, x, y in _compared(*lines)]
    return found
