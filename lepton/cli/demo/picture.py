"""The picture: accuracy per window, the drift score with its bands, and the moments of alert and promotion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lepton.cli.demo.story import Seen

INK, CALM, ALARM, GOOD, MUTED = "#1f2430", "#3b6fb6", "#c8452f", "#2e8b57", "#9aa3af"


def draw(
    windows: list[Seen], unadapted: float | None, enter: float, exit: float, seconds: float | None, title: str
) -> Figure:
    """Return the figure.

    Args:
        windows: In order of time.
        unadapted: Accuracy of the base on the target's held-out rows.
        enter: Drift score at which a window counts as drifted.
        exit: Score below which it counts as calm again.
        seconds: From confirmed drift to the new champion.
        title: What befell the scanner.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    style = {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": MUTED}
    with plt.rc_context(style):
        made: tuple[Figure, Any] = plt.subplots(2, 1, figsize=(9.6, 5.6), sharex=True, height_ratios=(3, 2))
        figure, (top, bottom) = made
        _accuracy(top, windows, unadapted)
        _drift(bottom, windows, enter, exit)
        _moments(top, bottom, windows, seconds)
        top.set_title(
            "Drift that hurts is found, paged, and mended by the workflow itself", loc="left", fontsize=13, color=INK
        )
        bottom.set_xlabel(f"production window of the target; shaded: the scanner has degraded\n({title})", color=INK)
        figure.tight_layout()
    return figure


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as PNG, SVG or whatever the suffix says; whole or not at all."""
    import io

    from lepton.core.work.files import atomic_write

    buffer = io.BytesIO()
    figure.savefig(buffer, format=path.suffix[1:], dpi=130, metadata={"Date": None} if path.suffix == ".svg" else None)
    return atomic_write(path, buffer.getvalue())


def _accuracy(axes: Axes, windows: list[Seen], unadapted: float | None) -> None:
    places = range(len(windows))
    axes.plot(places, [w.accuracy for w in windows], "o-", color=CALM, lw=2, label="accuracy (measured)", zorder=3)
    guesses: list[Any] = [float("nan") if w.estimated is None else w.estimated for w in windows]
    axes.plot(places, guesses, "s--", color=MUTED, lw=1.3, ms=4, label="accuracy estimated without labels", zorder=2)
    if unadapted is not None:
        axes.axhline(unadapted, color=MUTED, lw=1, ls=":", label=f"base without adaptation ({unadapted:.2f})")
    low = min([w.accuracy for w in windows] + [unadapted or 1.0] + [g for g in guesses if g == g])
    axes.set_ylim(max(0.0, low - 0.12), 1.03)
    axes.set_ylabel("accuracy", color=INK)
    axes.legend(loc="lower left", frameon=False, fontsize=8.5)


def _drift(axes: Axes, windows: list[Seen], enter: float, exit: float) -> None:
    colours = [ALARM if w.drift >= enter else CALM for w in windows]
    axes.bar(range(len(windows)), [w.drift for w in windows], color=colours, width=0.55, zorder=3)
    axes.axhline(enter, color=ALARM, lw=1, ls="--", zorder=2)
    axes.axhspan(exit, enter, color=ALARM, alpha=0.10, lw=0, zorder=1)
    axes.text(-0.45, enter * 1.08, f"enter {enter:g}, exit {exit:g}", color=ALARM, fontsize=8.5, va="bottom")
    axes.set_yscale("log")
    axes.set_ylim(0.1, max(10.0, 2.0 * max(w.drift for w in windows)))
    axes.set_ylabel("drift score", color=INK)
    axes.set_xticks(range(len(windows)), [w.window for w in windows])


def _moments(top: Axes, bottom: Axes, windows: list[Seen], seconds: float | None) -> None:
    degraded = [k for k, w in enumerate(windows) if w.degraded]
    for axes in (top, bottom):
        if degraded:
            axes.axvspan(degraded[0] - 0.5, degraded[-1] + 0.5, color="#f3e8d6", alpha=0.6, lw=0, zorder=0)
        axes.set_xlim(-0.6, len(windows) - 0.4)
    low, high = top.get_ylim()
    for k, w in enumerate(windows):
        if w.alert == "open":
            top.annotate(
                "drift confirmed,\nalert sent",
                (k, w.accuracy),
                xytext=(k - 2.4, low + 0.05 * (high - low)),
                color=ALARM,
                fontsize=9,
                arrowprops={"arrowstyle": "->", "color": ALARM},
            )
        if k and w.champion != windows[k - 1].champion:
            for axes in (top, bottom):
                axes.axvline(k - 0.5, color=GOOD, lw=1.6, zorder=2)
            waited = f" after {seconds:.0f} s" if seconds is not None else ""
            top.text(k - 0.44, low + 0.05 * (high - low), f"new champion\npromoted{waited}", color=GOOD, fontsize=9)
