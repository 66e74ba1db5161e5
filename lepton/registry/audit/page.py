"""The ledger as a page for people: who served when and why, then every decision. One file, no script, no link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from lepton.core.ledger import PROMOTED, ROLLED_BACK, Entry
from lepton.registry.audit.history import decision_line, monotone

STYLE = """
:root{color-scheme:light dark;--ink:#1f2430;--soft:#5b6472;--line:#e2e5ea;--back:#fff;--box:#f6f7f9;--good:#127a4b;
--bad:#b3261e;--warn:#8a5a00}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ec;--soft:#9aa3b2;--line:#343a46;--back:#14171c;--box:#1d2129;
--good:#5fd39b;--bad:#ff8a80;--warn:#f0c060}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--back);max-width:72rem;margin:0 auto;
padding:2rem 1rem}
h1{font-size:1.5rem;margin:0 0 .2rem} h2{font-size:1.15rem;margin:2.2rem 0 .6rem}
.soft{color:var(--soft)} code{font-size:12.5px;overflow-wrap:anywhere}
.facts{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem;background:var(--box);padding:.8rem 1rem;
border-radius:8px;margin:1rem 0}
.facts dt{color:var(--soft)} .facts dd{margin:0;min-width:0}
.wide{overflow-x:auto}
.wide table{min-width:44rem}
table{border-collapse:collapse;width:100%} th{color:var(--soft);font-weight:600}
td,th{padding:.4rem .9rem .4rem 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
td{overflow-wrap:break-word} td.n{white-space:nowrap;font-variant-numeric:tabular-nums}
.tag{display:inline-block;padding:0 .5rem;border-radius:9px;background:var(--box);font-size:13px;white-space:nowrap}
.good{color:var(--good)} .bad{color:var(--bad)} .warn{color:var(--warn)}
@media(max-width:40rem){.facts{grid-template-columns:1fr}.facts dd{margin-bottom:.4rem}}
@media print{body{max-width:none;padding:0}}
"""

TONES = {
    "promoted": "good",
    "rolled_back": "warn",
    "refused": "bad",
    "rejected": "bad",
    "recalled": "bad",
    "delivery_refused": "bad",
    "forgotten": "warn",
    "abandoned": "warn",
    "proposed": "warn",
}


def page(
    project: str, everything: Sequence[Entry], entries: Sequence[Entry], begin: datetime | None, end: datetime | None
) -> str:
    """Return the page's HTML; every text in it is escaped.

    Args:
        project: For the title.
        everything: All rows, in order: who served at the beginning stands before it.
        entries: The rows of the time that is asked for.
        begin: Its first moment; None for the ledger's own beginning.
        end: The moment before which it ends; None for now.
    """
    moves = [row for row in everything if row.action in (PROMOTED, ROLLED_BACK)]
    pairs = list(dict.fromkeys(row.pair for row in moves))
    title = f"Audit of {escape(project)}"
    return f"""<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width,initial-scale=1"><title>{title}</title><style>{STYLE}</style>
<h1>{title}</h1><p class=soft>{_span(begin, end)}, times in UTC. Written from the ledger; what is not there was not
decided.</p>
{_facts(everything, entries)}
<h2>Who served</h2>{"".join(_served(pair, moves, begin, end) for pair in pairs) or "<p>Nothing served yet.</p>"}
<h2>Every decision</h2>{_decisions(entries)}
</html>
"""


def _facts(everything: Sequence[Entry], entries: Sequence[Entry]) -> str:
    counts: dict[str, int] = {}
    for row in entries:
        counts[row.action] = counts.get(row.action, 0) + 1
    told = ", ".join(f"{count} {action.replace('_', ' ')}" for action, count in sorted(counts.items()))
    head = f"<code>{everything[-1].seq}:{everything[-1].hash}</code>" if everything else "the ledger is empty"
    numbers = f"{entries[0].seq} to {entries[-1].seq} of {everything[-1].seq}" if entries else "none in this time"
    facts = [
        ("Rows", escape(numbers)),
        ("Chain", "<span class=good>holds</span>: no row was edited, removed, inserted or moved"),
        ("Head", f"{head}<br><span class=soft>note it elsewhere; <code>lepton audit verify --head</code> asks for it"
                 " again</span>"),
        ("Of which", escape(told) or "-"),
    ]  # fmt: skip
    return "<dl class=facts>" + "".join(f"<dt>{name}</dt><dd>{text}</dd>" for name, text in facts) + "</dl>"


def _served(pair: str, moves: Sequence[Entry], begin: datetime | None, end: datetime | None) -> str:
    """Return the reigns of a pair that reach into the time that is asked for."""
    mine = [row for row in moves if row.pair == pair]
    times = list(monotone(row.at for row in mine))
    rows = []
    for row, since, until in zip(mine, times, [*times[1:], None], strict=True):
        if (begin and until and until <= begin) or (end and since >= end):
            continue
        cause, evidence = row.payload.get("cause") or {}, row.payload.get("evidence") or {}
        model = row.payload["model"]
        rows.append(
            (
                f"<b>v{escape(str(model['version']))}</b>",
                f"{since:%Y-%m-%d %H:%M}",
                f"{until:%Y-%m-%d %H:%M}" if until else "<span class=good>serves now</span>",
                escape(row.actor),
                escape(_why(cause)),
                escape(_proof(evidence)),
                f"<code>{row.seq}</code>",
            )
        )
    heads = ("version", "from", "to", "by", "because", "evidence", "row")
    return f"<h3>{escape(pair)}</h3>" + _table(heads, rows, numeric=(1, 2)) if rows else ""


def _decisions(entries: Sequence[Entry]) -> str:
    rows = [
        (
            f"<code>{row.seq}</code>",
            f"{row.at:%Y-%m-%d %H:%M:%S}",
            escape(row.pair),
            f'<span class="tag {TONES.get(row.action, "")}">{escape(row.action.replace("_", " "))}</span>',
            escape(decision_line(row)),
            escape(row.actor),
        )
        for row in entries
    ]
    return _table(("row", "time", "pair", "what", "in words", "by"), rows, numeric=(1,))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    classes = dict.fromkeys(numeric, " class=n")
    cells = ("".join(f"<td{classes.get(at, '')}>{cell}</td>" for at, cell in enumerate(row)) for row in rows)
    body = "".join(f"<tr>{row}</tr>" for row in cells)
    return f"<div class=wide><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _why(cause: Mapping[str, Any]) -> str:
    reason = cause.get("why") or cause.get("reason")
    kind = str(cause.get("kind", "unknown"))
    return f"{kind}: {reason}" if reason else kind


def _proof(evidence: Mapping[str, Any]) -> str:
    gate, metrics = evidence.get("gate") or {}, evidence.get("metrics") or {}
    parts = [str(gate["summary"])] if gate.get("summary") else []
    if isinstance(metrics.get("accuracy"), float):
        parts.append(f"accuracy {metrics['accuracy']:.3f}")
    if evidence.get("by_hand"):
        parts.append("promoted by hand")
    return "; ".join(parts) or "none needed: it served before"


def _span(begin: datetime | None, end: datetime | None) -> str:
    first = f"{begin:%Y-%m-%d %H:%M}" if begin else "the beginning"
    return f"From {first} to {f'{end:%Y-%m-%d %H:%M}' if end else 'now'}"
