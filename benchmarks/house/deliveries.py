"""The deliveries that both sides are given: the same bytes, made without any of lepton's code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import figures
import numpy as np
import pandas as pd
from numpy.typing import NDArray

Both = tuple[Path, Path]
"""A first delivery of the source, and one of the target; both labelled."""
COMMON = ("the", "of", "and", "some", "many")
OWN = (("red", "rouge", "красный"), ("seven", "sept", "семь"), ("house", "maison", "家"))
"""Words by which the classes of texts are known, each in three languages."""
FIRST_ROWS, WINDOW_ROWS = 627, 100
"""Images of the demo's first delivery (the windows of its story take the rest of the 1,797), and of a window here."""


def plant(rows: int, shift: float, seed: int, labelled: bool = True) -> pd.DataFrame:
    """Return sensor readings: three numbers, one category, gaps; another plant's sensors are offset by `shift`."""
    random = np.random.default_rng(seed)
    heat, speed, wear = random.normal(size=(3, rows))
    bad = heat + 0.8 * speed * (wear > 0) + 0.3 * random.normal(size=rows) > 0.6
    frame = pd.DataFrame(
        {
            "heat": (1 + 0.5 * shift) * heat + 1.5 * shift,
            "speed": speed - shift,
            "wear": wear,
            "line": random.choice(["north", "south"], rows),
        }
    )
    frame.loc[random.random(rows) < 0.03, "wear"] = np.nan
    if labelled:
        frame["label"] = np.where(bad, "bad", "good")
    return frame


def digits(folder: Path) -> Both:
    """Write the demo's: 6,000 images of MNIST, and the first 627 of scikit-learn's in the order of its story."""
    with np.load(next((figures.ROOT / "lepton").rglob("mnist-subset.npz"))) as archive:
        images, labels = archive["x"], archive["y"]
    ids = [
        f"mnist-{part}-{k:05d}" for part, count in (("train", 5000), ("test", len(images) - 5000)) for k in range(count)
    ]
    source = _npz(folder / "mnist.npz", np.array(ids), images[:, None], labels)
    target, pixels, truth = _optdigits()
    return source, _npz(folder / "optdigits.npz", target[:FIRST_ROWS], pixels[:FIRST_ROWS], truth[:FIRST_ROWS])


def digit_windows(folder: Path, count: int) -> list[Path]:
    """Write what follows the target's first delivery, in windows without labels."""
    ids, images, _ = _optdigits()
    cuts = [slice(FIRST_ROWS + k * WINDOW_ROWS, FIRST_ROWS + (k + 1) * WINDOW_ROWS) for k in range(count)]
    return [_npz(folder / f"w{k:02d}.npz", ids[cut], images[cut]) for k, cut in enumerate(cuts, 1)]


def tables(folder: Path) -> Both:
    """Write the readings of two plants."""
    return _csv(folder / "plant-1.csv", plant(1500, 0.0, 1)), _csv(folder / "plant-2.csv", plant(1000, 0.3, 2))


def sequences(folder: Path) -> Both:
    """Write waves of three paces, one line a step and the lines of all shuffled."""
    return _csv(folder / "site-1.csv", _waves(300, 1)), _csv(folder / "site-2.csv", _waves(400, 2))


def texts(folder: Path) -> Both:
    """Write short texts that are known by two words."""
    return _csv(folder / "site-1.csv", _said(300, 1)), _csv(folder / "site-2.csv", _said(400, 2))


KINDS: dict[str, Callable[[Path], Both]] = {
    "digits": digits,
    "tables": tables,
    "sequences": sequences,
    "texts": texts,
}


def _optdigits() -> tuple[NDArray[np.str_], NDArray[np.uint8], NDArray[np.integer]]:
    """Return ids, images and labels in the order of the demo's story."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    order = np.random.default_rng(0).permutation(len(bunch.target))
    ids = np.array([f"optdigits-{k:04d}" for k in order])
    return ids, (bunch.images * 15).astype(np.uint8)[order, None], bunch.target[order]


def _waves(count: int, seed: int) -> pd.DataFrame:
    random, lines = np.random.default_rng(seed), []
    for row in range(count):
        pace, steps = row % 3, int(random.integers(12, 25))
        wave = np.sin((np.arange(steps) + random.uniform(0, 6)) * (0.3 + 0.5 * pace)) + 0.2 * random.normal(size=steps)
        wave[random.random(steps) < 0.05] = np.nan
        level = 100 * np.cos(pace) + 10 * random.normal(size=steps)
        lines += [(f"s{seed}-{row}", step, wave[step], level[step], f"c{pace}") for step in range(steps)]
    frame = pd.DataFrame(lines, columns=["series", "step", "wave", "level", "label"])
    return frame.sample(frac=1, random_state=0)


def _said(count: int, seed: int) -> pd.DataFrame:
    random, said = np.random.default_rng(seed), []
    for row in range(count):
        words = [str(word) for word in random.choice(COMMON, 4)]
        words[int(random.integers(4))] = str(random.choice(OWN[row % 3]))
        said.append(" ".join([*words, str(random.choice(OWN[row % 3]))]))
    rows = range(count)
    return pd.DataFrame({"id": [f"x{seed}-{k}" for k in rows], "said": said, "label": [f"c{k % 3}" for k in rows]})


def _csv(path: Path, frame: pd.DataFrame) -> Path:
    frame.to_csv(path, index=False)
    return path


def _npz(
    path: Path, ids: NDArray[np.str_], images: NDArray[np.uint8], labels: NDArray[np.integer] | None = None
) -> Path:
    known = {} if labels is None else {"labels": labels.astype(str)}
    np.savez_compressed(path, ids=ids, images=images, **known)
    return path
