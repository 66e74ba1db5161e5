"""What a lineage record says, in words: a line a subject, the same in every view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lepton.core.ledger.rows import Cause, summary_of
from lepton.core.refs import DataRef
from lepton.registry.lineage.family import Version
from lepton.registry.lineage.record import Lineage


def cause_line(cause: Cause) -> str:
    """Return why a version was made, in a few words."""
    kind, scores = cause.kind or "unknown", cause.scores
    if cause.reason:
        return f"{kind}: {cause.reason}"
    if not scores:
        return kind
    aspect = max(scores, key=lambda name: scores[name])
    return f"{kind}: {aspect} {scores[aspect]:.2f} in window {cause.window or '?'}"


def because(cause: Cause) -> str:
    """Return why a version came to serve, with the words of the person who decided, if one did."""
    return f"{cause_line(cause)}: {cause.why}" if cause.why else cause_line(cause)


def because_of(cause: Mapping[str, Any]) -> str:
    """Return the same of a cause that is JSON already, as in a dossier."""
    return because(Cause.from_json(cause))


def gate_line(verdict: Mapping[str, Any] | None) -> str:
    """Return a verdict in one line."""
    if not verdict:
        return "not asked: there was nothing to replace"
    if said := summary_of(verdict):
        return said
    if not verdict.get("passed"):
        return "refused: " + "; ".join(verdict.get("reasons", ()))
    parts = [f"{one['difference']:+.3f} vs {one['against']}" for one in verdict.get("comparisons", ())]
    return f"passed on {verdict.get('rows', '?')} rows" + (": " + ", ".join(parts) if parts else "")


def data_lines(made: Lineage) -> list[str]:
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


def contract_line(result: Mapping[str, Any] | None) -> str:
    """Return what came of the contract's check, in one line."""
    if not result:
        return "not recorded"
    deliveries = result.get("deliveries")
    words = ["passed" if result.get("passed") else "not passed"]
    words += [f"{deliveries} {'delivery' if deliveries == 1 else 'deliveries'} checked"] if deliveries else []
    words += [f"contract {str(result['contract'])[:12]}"] if result.get("contract") else []
    return ", ".join(words)


def code_line(code: Mapping[str, Any]) -> str:
    """Return which code made a version, in one line."""
    plugins = [f"{one['package']} {one['version']}".strip() for one in code.get("plugins", ())]
    version = ", ".join([f"lepton {code.get('version', '?')}", *dict.fromkeys(plugins)])
    if not code.get("revision"):
        return f"{version}, not from a checkout"
    return f"{version}, revision {str(code['revision'])[:12]}" + (
        ", with uncommitted changes" if code.get("dirty") else ""
    )


def standing_line(version: Version) -> str:
    """Return how a version stands, in one line."""
    since = moment(version.reigns[0].since) if version.reigns else ""
    recalled = f"; RECALLED: {version.recalled}" if version.recalled else ""
    if version.serves:
        return f"champion, first promoted {since}{recalled}"
    if version.reigns:
        until = version.reigns[-1].until
        times = f", {len(version.reigns)} times" if len(version.reigns) > 1 else ""
        return f"served from {span(version.reigns[0].since, until)}{times}{recalled}"
    words = {"refused": "refused by the gate", "rejected": "rejected by a person", "abandoned": "abandoned"}
    if version.waits:
        return "waits for a person's word"
    known = f", {words[version.verdict]}" if version.verdict in words else ""
    return f"never promoted{known}{recalled}"


def span(since: str, until: str | None) -> str:
    """Return a time from when to when, as a person reads it; what is over within a minute shows its seconds."""
    if until is None:
        return f"{moment(since)} to now"
    if since[:16] != until[:16]:
        return f"{moment(since)} to {moment(until)}"
    return f"{since[:19].replace('T', ' ')} to {until[11:19]} UTC"


def moment(time: str | None) -> str:
    """Return a time as a person reads it."""
    return f"{time[:16].replace('T', ' ')} UTC" if time else "?"
