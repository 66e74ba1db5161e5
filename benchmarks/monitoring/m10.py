"""M10 to M12: real tables in order of time, windows without labels, judged through the product's own path.

Ten tables (`streams`). The first fifth of each trains lepton's own base on 70 % of its rows; the other 30 % are held
out, labelled, and calibrate. What came later is judged window by window by `Baseline` and the controller. Three
streams were not looked at until the last measurement.

M10: how far is the estimate from the accuracy on the window's own labels, and does the 90 % interval hold it? Where no
number is given, the middle of the pieces is held against the truth all the same; the share of windows with a number is
noted. Beside it, on binary streams, NannyML's CBPE on the same champion, held-out rows and windows (`cbpe`).
M11: of the windows that cost five points or more, in how many was an alert open by the second such window in a row?
Was any called benign while the lower end of its accuracy lies beyond the tolerance?
M12: how many pages (alerts opened or updated) rested on windows that cost less than a point?
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import digits
import figures
import numpy as np
from numpy.typing import NDArray
from streams import STREAMS, Stream, champion_of, windows_of

from lepton.core.config.settings import MonitorConfig
from lepton.core.decisions.memory import Decision, State
from lepton.core.decisions.observation import Observation
from lepton.core.work.files import atomic_write
from lepton.monitoring.answers import Judged, correct
from lepton.monitoring.baseline import Baseline, policy_of
from lepton.monitoring.reference_accuracy import measured
from lepton.operations.monitor.judgement import Memory, judge

HARM, CHEAP = 0.05, 0.01
COMMAND = "LEPTON_STREAMS=FOLDER LEPTON_NANNYML=PYTHON python benchmarks/monitoring --only M10"


RAW = digits.WORK / "streams-looked-at"
"""What was seen of the windows, a file a stream; remove it to start over. Decisions are made anew each time."""


@dataclass(frozen=True)
class Looked:
    """One window of a stream as the monitor saw it, and the truth."""

    seen: Observation
    middle: float
    """Of the estimate, also where it is not given."""
    real: float
    cost: float
    """Real: the held-out rows' accuracy less the window's."""
    cbpe: float
    """NaN where it was not run."""


@dataclass(frozen=True)
class Case(Looked):
    """The same with what was decided."""

    decision: Decision


def measure() -> list[figures.Figure]:
    """Return errors, intervals, pages missed and pages too many."""
    found = {stream.name: cases_of(stream) for stream in STREAMS}
    every = [case for cases in found.values() for case in cases]
    untouched = [stream.name for stream in STREAMS if stream.untouched]
    each = {name: {k: v for k, v in facts(cases).items() if np.isfinite(v)} for name, cases in found.items()}
    binary = {name: cases for name, cases in found.items() if np.isfinite(cases[0].cbpe)}
    of_binary = [case for cases in binary.values() for case in cases]
    passed = [name for name, of in each.items() if of["error"] <= 3 or of["held"] >= 0.85]
    above = [name for name in binary if each[name]["error"] > each[name]["cbpe"]]
    dear = [(name, k) for name, cases in found.items() for k, case in enumerate(cases) if case.cost >= HARM]
    paged = [told(found[name], k) for name, k in dear]
    wrong = [case for case in every if reassured(case)]
    cheap = [case for case in every if case.cost < CHEAP]
    pages = [case for case in cheap if case.decision.alert in ("open", "update")]
    benign = [case for case in every if case.decision.action == "benign"]
    count = len(every)
    return [
        _figure("M10a", len(passed), "streams with <= 3 points or >= 85 % held", len(each), bar="all", streams=each),
        _figure("M10b", error(every), "points, mean absolute error", count, untouched=untouched),
        _figure("M10c", held(every), "share of 90 % intervals that hold it", count),
        _figure("M10d", error(of_binary, cbpe=True), "points, NannyML's CBPE, on the binary ones", len(of_binary)),
        _figure("M10f", error(of_binary), "points, ours on the same", len(of_binary)),
        _figure("M10e", len(above), "binary streams where CBPE errs less", len(binary), bar="0", streams=above),
        _figure(
            "M11a",
            float(np.mean(paged)),
            "share paged by the second window, cost >= 5 points",
            len(dear),
            bar=">= 0.95",
        ),
        _figure("M11b", len(wrong), "benign with a lower end beyond the tolerance", len(benign), bar="0"),
        _figure("M12", len(pages) / max(1, len(cheap)), "share of pages, cost < 1 point", len(cheap), bar="<= 0.01"),
    ]


def cases_of(stream: Stream) -> list[Case]:
    """Return every window of a stream with the decision about it, from a controller that starts with nothing."""
    policy, state, cases = policy_of(MonitorConfig()), State(), []
    for one in looked_at(stream):
        done = judge(lambda seen=one.seen: seen, lambda known=state: Memory(known), policy)
        state = done.decision.state
        cases.append(Case(one.seen, one.middle, one.real, one.cost, one.cbpe, done.decision))
    print("M10", stream.name, facts(cases), flush=True)
    return cases


def looked_at(stream: Stream) -> list[Looked]:
    """Return every window of a stream, looked at once."""
    path = RAW / f"{stream.name}.json"
    if not path.exists():
        atomic_write(path, json.dumps([{**asdict(one), "seen": one.seen.to_json()} for one in _look(stream)]))
    stored = json.loads(path.read_text())
    return [Looked(**{**one, "seen": Observation.from_json(one["seen"])}) for one in stored]


def _look(stream: Stream) -> list[Looked]:
    champion = champion_of(stream)
    base = measured(champion.reference)
    assert base is not None
    baseline = Baseline("bench", stream.name, champion.reference, MonitorConfig(), champion.answer)
    found, answered = [], []
    for rows, window in windows_of(stream, champion.pool):
        observed = baseline.observe(window)
        assert observed.estimate is not None
        seen = champion.answer(rows)
        real, middle = float(correct(seen).mean()), observed.estimate.middle
        answered.append(seen)
        found.append(Looked(observed.observation, middle or 0.0, real, base.accuracy - real, float("nan")))
    beside = cbpe(champion.reference, answered)
    return [replace(one, cbpe=float(other)) for one, other in zip(found, beside, strict=True)]


def facts(cases: list[Case]) -> dict[str, float]:
    """Return what a reader wants to know of one stream."""
    return {
        "windows": len(cases),
        "error": error(cases),
        "held": held(cases),
        "cbpe": error(cases, cbpe=True),
        "known": round(float(np.mean([case.seen.estimated_accuracy is not None for case in cases])), 3),
        "width": round(float(np.mean([_width(case.seen) for case in cases])), 3),
        "accuracy": round(float(np.mean([case.real for case in cases])), 3),
        "dear": sum(case.cost >= HARM for case in cases),
        "paged": sum(told(cases, k) for k, case in enumerate(cases) if case.cost >= HARM),
        "cheap": sum(case.cost < CHEAP for case in cases),
        "pages": sum(case.cost < CHEAP and case.decision.alert in ("open", "update") for case in cases),
        "benign": sum(case.decision.action == "benign" for case in cases),
    }


def error(cases: list[Case], cbpe: bool = False) -> float:
    """Return the mean absolute error in points, over the windows that have the estimate asked for."""
    off = np.abs([(case.cbpe if cbpe else case.middle) - case.real for case in cases])
    return round(100 * float(np.nanmean(off)), 2) if np.isfinite(off).any() else float("nan")


def held(cases: list[Case]) -> float:
    """Return the share whose interval holds the accuracy."""
    inside = [(c.seen.estimated_low or 0.0) <= c.real <= (c.seen.estimated_high or 0.0) for c in cases]
    return round(float(np.mean(inside)), 3)


def told(cases: list[Case], k: int) -> bool:
    """Return whether an alert was open by the second dear window of the run that window `k` belongs to."""
    start = k
    while start > 0 and cases[start - 1].cost >= HARM:
        start -= 1
    by = max(k, min(start + 1, len(cases) - 1))
    return cases[by].decision.state.alert_open


def reassured(case: Case) -> bool:
    """Return whether a window was called benign although its lower end leaves more than the tolerance to lose."""
    dear = case.seen.cost_high
    return case.decision.action == "benign" and (dear is None or dear > MonitorConfig().tolerance)


def cbpe(reference: Judged, windows: list[Judged]) -> NDArray[np.float64]:
    """Return NannyML's estimate of each window; NaN where there are more than two classes, or no NannyML.

    It runs in the environment of LEPTON_NANNYML (its packages do not go with lepton's), on the very same numbers.
    """
    python = os.environ.get("LEPTON_NANNYML")
    if python is None or len(reference.classes) != 2:
        return np.full(len(windows), np.nan)
    held_out = reference.take(np.flatnonzero(reference.held_out()))
    with TemporaryDirectory() as folder:
        parts = {"reference": [held_out], "analysis": windows}
        for name, some in parts.items():
            p = np.concatenate([one.probabilities[:, 1] for one in some])
            y = np.concatenate([(one.table.labels == one.classes[1]).astype(int) for one in some])
            chunk = np.concatenate([np.full(len(one), k) for k, one in enumerate(some)])
            np.savetxt(Path(folder) / f"{name}.csv", np.column_stack([p, y, chunk]), delimiter=",", header="p,y,chunk")
        script = Path(__file__).with_name("nanny.py")
        subprocess.run([python, "-W", "ignore", str(script), folder], check=True, env={**os.environ, "PYTHONPATH": ""})
        with (Path(folder) / "estimated.csv").open() as file:
            return np.array([float(row[0]) for row in csv.reader(file)])


def _width(seen: Observation) -> float:
    return (seen.estimated_high or 0.0) - (seen.estimated_low or 0.0)


def _figure(name: str, value: float, unit: str, n: int, **notes: object) -> figures.Figure:
    return figures.figure(name, float(value), unit, n, [0], COMMAND, **notes)
