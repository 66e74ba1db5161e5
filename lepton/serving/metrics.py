"""What is counted, as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from lepton.core.config.serve import Breach

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""
Labels = tuple[tuple[str, str], ...]

_HELP = {
    "lepton_serve_requests_total": ("counter", "Requests, by domain and status."),
    "lepton_serve_rows_total": ("counter", "Rows answered."),
    "lepton_serve_rows_out_of_contract_total": ("counter", "Breaches of the contract that were answered, by kind."),
    "lepton_serve_rows_unlogged_total": ("counter", "Rows that could not be logged, by what was done with them."),
    "lepton_serve_labels_total": ("counter", "Labels that came."),
    "lepton_serve_windows_total": ("counter", "Windows delivered to a domain, by outcome."),
    "lepton_serve_swaps_total": ("counter", "New champions, by outcome."),
    "lepton_serve_queue_rows": ("gauge", "Rows that wait to be answered."),
    "lepton_serve_window_rows": ("gauge", "Rows answered that are in no window yet."),
    "lepton_serve_model_info": ("gauge", "Who answers now; 1."),
    "lepton_serve_behind": ("gauge", "Whether a newer champion cannot answer, so that the old one goes on."),
    "lepton_serve_seconds": ("histogram", "From a request's last byte to its answer."),
}


class Metrics:
    """Counts; may be told from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._models: dict[str, Labels] = {}
        self._times: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()

    def request(self, domain: str, status: int, seconds: float) -> None:
        """Count a request; `domain` is empty where it led to none."""
        with self._lock:
            self._counts["lepton_serve_requests_total", (("domain", domain), ("status", str(status)))] += 1
            if status == 200 and domain:
                times = self._times.setdefault(domain, [0] * (len(BUCKETS) + 1))
                times[bisect_left(BUCKETS, seconds)] += 1
                self._seconds[domain] += seconds  # type: ignore[assignment]  # a Counter of floats

    def rows(self, domain: str, rows: int) -> None:
        """Count rows answered."""
        self._add("lepton_serve_rows_total", rows, domain=domain)

    def out(self, domain: str, counted: Mapping[Breach, int]) -> None:
        """Count breaches that were answered."""
        for kind, number in counted.items():
            self._add("lepton_serve_rows_out_of_contract_total", number, domain=domain, kind=kind)

    def unlogged(self, domain: str, rows: int, done: str) -> None:
        """Count rows that could not be logged."""
        self._add("lepton_serve_rows_unlogged_total", rows, domain=domain, policy=done)

    def labels(self, domain: str, number: int) -> None:
        """Count labels that came."""
        self._add("lepton_serve_labels_total", number, domain=domain)

    def window(self, domain: str, outcome: str) -> None:
        """Count a window that was delivered."""
        self._add("lepton_serve_windows_total", 1, domain=domain, outcome=outcome)

    def swap(self, domain: str, outcome: str) -> None:
        """Count a new champion."""
        self._add("lepton_serve_swaps_total", 1, domain=domain, outcome=outcome)

    def model(self, domain: str, label: str, digest: str, provisional: bool) -> None:
        """Say who answers."""
        told = ("domain", domain), ("model", label), ("digest", digest), ("provisional", str(provisional).lower())
        with self._lock:
            self._models[domain] = told

    def render(self, gauges: Iterable[tuple[str, str, float]]) -> str:
        """Return the text.

        Args:
            gauges: Name, domain and value of what is measured now rather than counted.
        """
        lines: dict[str, list[str]] = {name: [] for name in _HELP}
        with self._lock:
            for (name, labels), number in sorted(self._counts.items()):
                lines[name].append(_line(name, labels, number))
            for labels in self._models.values():
                lines["lepton_serve_model_info"].append(_line("lepton_serve_model_info", labels, 1))
            for domain, times in sorted(self._times.items()):
                lines["lepton_serve_seconds"] += _histogram(domain, times, self._seconds[domain])
        for name, domain, value in gauges:
            lines[name].append(_line(name, (("domain", domain),), value))
        told = []
        for name, found in lines.items():
            if found:
                kind, about = _HELP[name]
                told += [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *found]
        return "\n".join(told) + "\n"

    def _add(self, name: str, number: int, **labels: str) -> None:
        with self._lock:
            self._counts[name, tuple(labels.items())] += number


def _histogram(domain: str, times: Sequence[int], seconds: float) -> list[str]:
    name, lines, so_far = "lepton_serve_seconds", [], 0
    for bound, number in zip((*map(str, BUCKETS), "+Inf"), times, strict=True):
        so_far += number
        lines.append(_line(f"{name}_bucket", (("domain", domain), ("le", bound)), so_far))
    one = (("domain", domain),)
    return [*lines, _line(f"{name}_sum", one, seconds), _line(f"{name}_count", one, so_far)]


def _line(name: str, labels: Labels, value: float) -> str:
    told = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    return f"{name}{{{told}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
