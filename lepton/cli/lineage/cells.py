"""A version's record as lines for a terminal; what an older record does not have is said to be missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lepton.core.decisions.encoders import CHOICE, Choice
from lepton.registry.lineage.dossier import flat
from lepton.registry.lineage.phrases import because_of, code_line, contract_line, gate_line, moment, span

MISSING = "not recorded"
WIDEST = 8
"""Items of a list that are printed; the rest is counted. `--json` has all."""

Line = tuple[str, str]


def brief(value: Any) -> str:
    """Return a value in one cell."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        shown = [brief(one) for one in value[:WIDEST]]
        return ", ".join(shown) + (f" and {len(value) - WIDEST} more" if len(value) > WIDEST else "") or "-"
    return str(value)


def label(model: dict[str, Any] | None) -> str:
    """Return a version's name on screen."""
    return f"{model['name']} v{model['version']}" if model else "none"


def dossier_lines(found: dict[str, Any]) -> Iterator[Line]:
    """Yield everything that is on record of a version, as (name, text)."""
    born = found["registered"]
    yield "model", f"{label(found['model'])}   digest {found['model']['digest'][:16]}"
    yield "registered", f"{moment(born['at'])} by {born['by']}, row {born['row']} of the ledger"
    yield from _standing(found)
    line = [label(one) for one in found["descends_from"]]
    yield "descends from", " < ".join(line) if line else "nothing: it is a base"
    if len(found["considered"]) > 1:
        yield "considered", brief([label(one) for one in found["considered"]])
    for use, ref in found["data"].items():
        yield from _data(use, ref)
    yield "contract", contract_line(found["contract"])
    yield "strategy", f"{found['strategy']}, seed {found['seed']}, threads {found['threads'] or MISSING}"
    if CHOICE in found["config"]:
        yield "encoder", f"took {Choice.from_json(found['config'][CHOICE]).summary()}"
    yield from _many("settings", flat({key: value for key, value in found["config"].items() if key != CHOICE}))
    code = found["code"]
    yield "code", code_line(code) + (f" ({code['revision']})" if code.get("revision") else "")
    yield "dependencies", _dependencies(found["dependencies"])
    yield "libraries", ", ".join(f"{name} {version}" for name, version in found["libraries"].items()) or MISSING
    yield "device", found["device"] or MISSING
    run = found["flow_run"] or {}
    yield "flow run", " ".join(str(run[key]) for key in ("name", "id", "url") if run.get(key)) or "none"
    yield "cause", because_of(found["cause"])
    yield "gate", gate_line(found["gate"])
    for one in (found["gate"] or {}).get("comparisons", ()):
        yield "", _comparison(one)
    yield from _many("metrics", flat(found["metrics"]))
    yield "cost", ", ".join(f"{name} {value:,.6g}" for name, value in found["cost"].items()) or MISSING
    below = found["descendants"]
    yield "descendants", f"{len(below)}" if below else "none"
    for one in below[:20]:
        yield "", f"{label(one['model'])}  {one['standing']}  (of {one['parent'][0]} v{one['parent'][1]})"
    if len(below) > 20:
        yield "", f"and {len(below) - 20} more (--json has all)"


def _standing(found: dict[str, Any]) -> Iterator[Line]:
    yield "standing", found["standing"] + (f": {found['why']}" if found["why"] and not found["champion"] else "")
    for reign in found["served"]:
        why = because_of(reign["because"])
        yield "served", f"{span(reign['since'], reign['until'])}, {why}, by {reign['by']}"
    if found["recalled"]:
        yield "recalled", found["recalled"]


def _data(use: str, ref: dict[str, Any]) -> Iterator[Line]:
    used = ref["used"]
    rows = f"{_some(used['count'], 'row')} {used['digest']}" if used else "all rows" if use == "reference" else MISSING
    yield use, f"{ref['domain']} {ref['digest']}, {ref['rows']:,} rows, {ref['labelled']:,} labelled"
    yield "", f"of these {rows}; data.dvc {ref['dvc_md5'] or MISSING}; git {ref['git_revision'] or MISSING}"
    yield "", f"{_some(len(ref['batches']), 'batch', 'es')}: {brief(ref['batches'])}"


def _some(count: int, what: str, more: str = "s") -> str:
    return f"{count:,} {what}{'' if count == 1 else more}"


def _dependencies(value: dict[str, Any] | None) -> str:
    if not value:
        return MISSING
    lock = f", lock {value['lock'][:16]}" if value.get("lock") else ", no lock"
    return f"{value.get('count', '?')} distributions {value.get('digest', '?')}{lock}"


def _comparison(one: dict[str, Any]) -> str:
    parts = [f"vs {one.get('against', '?')}:"]
    parts += [f"{name} {brief(one[name])}" for name in ("accuracy", "rival_accuracy", "difference", "lower")]
    if "bootstrap" in one:  # on record since planner and guard came
        parts.append(f"bootstrap {brief(one['bootstrap'][0])}..{brief(one['bootstrap'][1])}")
    parts += [f"wins {one['wins']}, losses {one['losses']}, p worse {brief(one['p_worse'])}"]
    return " ".join(parts) + ("" if one.get("passed") else "  NOT PASSED")


def _many(name: str, values: dict[str, Any]) -> Iterator[Line]:
    """Yield a line a value, the name once."""
    if not values:
        yield name, MISSING
    for at, (key, value) in enumerate(values.items()):
        yield (name if at == 0 else ""), f"{key}  {brief(value)}"
