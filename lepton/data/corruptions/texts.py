"""Simulated degradations of texts: what a form, a scanner, a keyboard or another writer does to them.

Each takes rows and gives as many rows. After the perturbations of Ribeiro et al. 2020 ("Beyond Accuracy: Behavioral
Testing of NLP Models with CheckList": typos, added words, case) and Wang et al. 2021 ("TextFlint": swapped letters,
characters as a scanner misreads them).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd

from lepton.core.errors import UsageError
from lepton.core.table import Table
from lepton.data.corruptions.degradation import check_asked

Corruption = Callable[[str, int, np.random.Generator], str]
MISREAD = str.maketrans("oOlIsSbBeEaAtTgG", "0011558833447799")
FRAME = "automatic message please do not reply to this mail sent from my phone regards"


def able(rows: Table) -> list[str]:
    """Return the names of what can be simulated on these rows."""
    return list(TEXT_CORRUPTIONS)


def degrade(rows: Table, name: str, strength: int = 2, seed: int = 0) -> Table:
    """Return a degraded copy of texts.

    Args:
        rows: Of kind `text`; left untouched.
        name: One of `TEXT_CORRUPTIONS`.
        strength: 1 (visible), 2 (bad) or 3 (hardly usable).
        seed: Same seed, same result.

    Raises:
        UsageError: If there is no such corruption or strength, or the rows are no texts.
    """
    check_asked(name, strength, TEXT_CORRUPTIONS)
    if rows.frame is None or not rows.texts:
        raise UsageError(f"Corruptions of texts take texts, not rows of kind {rows.kind!r}.")
    rng, change, column = np.random.default_rng(seed), TEXT_CORRUPTIONS[name], rows.texts[0]
    after = [change(text, strength - 1, rng) or None if text else text for text in rows.frame[column]]
    return replace(rows, frame=pd.DataFrame({column: pd.Series(after, dtype=object)}, index=rows.frame.index))


def swapped(text: str, level: int, rng: np.random.Generator) -> str:
    """A hasty keyboard: neighbouring letters change places."""
    letters = list(text)
    for k in np.flatnonzero(rng.random(max(0, len(letters) - 1)) < (0.05, 0.15, 0.4)[level]):
        letters[k], letters[k + 1] = letters[k + 1], letters[k]
    return "".join(letters)


def dropped(text: str, level: int, rng: np.random.Generator) -> str:
    """A bad line: characters are lost."""
    kept = rng.random(len(text)) >= (0.05, 0.2, 0.5)[level]
    return "".join(c for c, keep in zip(text, kept, strict=True) if keep)


def misread(text: str, level: int, rng: np.random.Generator) -> str:
    """A scanner that takes letters for digits that look alike."""
    hit = rng.random(len(text)) < (0.15, 0.4, 0.9)[level]
    return "".join(c.translate(MISREAD) if h else c for c, h in zip(text, hit, strict=True))


def capitals(text: str, level: int, rng: np.random.Generator) -> str:
    """A form that shouts: some or all words in capitals."""
    return " ".join(w.upper() if rng.random() < (0.3, 0.6, 1.0)[level] else w for w in text.split())


def plain(text: str, level: int, rng: np.random.Generator) -> str:
    """A system without accents: letters beyond ASCII are lost in a share of the words."""
    words = text.split()
    hit = rng.random(len(words)) < (0.3, 0.6, 1.0)[level]
    return " ".join(w.encode("ascii", "ignore").decode() if h else w for w, h in zip(words, hit, strict=True))


def broken(text: str, level: int, rng: np.random.Generator) -> str:
    """Bytes decoded as something that they were not: characters become U+FFFD."""
    hit = rng.random(len(text)) < (0.05, 0.2, 0.5)[level]
    return "".join("\ufffd" if h else c for c, h in zip(text, hit, strict=True))


def cut(text: str, level: int, rng: np.random.Generator) -> str:
    """A field that is too short."""
    return text[: max(1, round(len(text) * (0.7, 0.4, 0.15)[level]))]


def framed(text: str, level: int, rng: np.random.Generator) -> str:
    """A template around the text: words in front that say nothing."""
    words = FRAME.split()
    return " ".join([*words[: (3, 7, len(words))[level]], text])


def signed(text: str, level: int, rng: np.random.Generator) -> str:
    """A template behind the text: words that come after it in every row."""
    words = FRAME.split()[::-1]
    return " ".join([text, *words[: (3, 7, len(words))[level]]])


def diluted(text: str, level: int, rng: np.random.Generator) -> str:
    """A longer way to say it: other words between those of the text."""
    others, words = FRAME.split(), []
    for word in text.split():
        words.append(word)
        words += [str(rng.choice(others)) for _ in range(rng.binomial(3, (0.15, 0.4, 0.8)[level]))]
    return " ".join(words)


def reordered(text: str, level: int, rng: np.random.Generator) -> str:
    """Columns of a page read across: words in another order."""
    words = text.split()
    moved = np.flatnonzero(rng.random(len(words)) < (0.3, 0.6, 1.0)[level])
    order = np.arange(len(words))
    order[moved] = rng.permutation(moved)
    return " ".join(words[k] for k in order)


def thinned(text: str, level: int, rng: np.random.Generator) -> str:
    """Words that are lost."""
    words = text.split()
    return " ".join(word for word in words if rng.random() >= (0.15, 0.4, 0.7)[level]) or text[:1]


TEXT_CORRUPTIONS: dict[str, Corruption] = {
    f.__name__: f
    for f in (swapped, dropped, misread, capitals, plain, broken, cut, framed, signed, diluted, reordered, thinned)
}
"""Name -> function."""
