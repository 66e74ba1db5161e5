"""Summaries of series and texts: a few numbers a row that move when a sensor, a form or a writer does."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lepton.core.table import Table

WORD = re.compile(r"\w+")
SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "HANGUL", "HIRAGANA", "KATAKANA", "CJK")
MOST_WORDS = 20_000
"""Words of the reference that are known, the most frequent ones."""
REPLACEMENT = "\ufffd"
"""What a decoder writes in the place of bytes that are no text."""


def summarise_series(column: pd.Series, name: str) -> pd.DataFrame:
    """Return summaries of series, one row each, named `<name> <summary>`; missing where there is none.

    steps: how many; mean, std, low, high: of the known values, in their own units; change: mean absolute step from one
    value to the next; trend: last fifth minus first fifth; gaps: share of the steps without a value.
    """
    return pd.DataFrame([_series(one) for one in column], columns=[f"{name} {part}" for part in SERIES])


SERIES = ("steps", "mean", "std", "low", "high", "change", "trend", "gaps")


def _series(one: NDArray[np.float32] | None) -> tuple[float, ...]:
    if one is None:
        return (np.nan,) * len(SERIES)
    known = one[np.isfinite(one)].astype(np.float64)
    if not len(known):
        return (float(len(one)), *(np.nan,) * 6, 1.0 if len(one) else np.nan)
    fifth = max(1, len(known) // 5)
    return (
        float(len(one)),
        float(known.mean()),
        float(known.std()),
        float(known.min()),
        float(known.max()),
        float(np.abs(np.diff(known)).mean()) if len(known) > 1 else 0.0,
        float(known[-fifth:].mean() - known[:fifth].mean()),
        1.0 - len(known) / len(one),
    )


@dataclass(frozen=True)
class Vocabulary:
    """The words of a reference."""

    counts: dict[str, int]
    """Word -> how often it occurs, in lower case."""

    def unknown(self, words: list[str], own: bool) -> float:
        """Return the share of the words that the reference does not have; NaN if there are no words.

        Args:
            words: In lower case.
            own: Whether the text is one of the reference's: then a word counts as known only if another one has it,
                too, as it would of a text to come.
        """
        if not words:
            return float("nan")
        mine = {word: words.count(word) for word in words} if own else {}
        return sum(self.counts.get(word, 0) <= mine.get(word, 0) for word in words) / len(words)


def vocabulary(reference: Table, name: str) -> Vocabulary:
    """Return the words of a column of texts."""
    assert reference.frame is not None
    words = (word for text in reference.frame[name] if text for word in WORD.findall(text.lower()))
    counts = pd.Series(words, dtype=object).value_counts()[:MOST_WORDS]
    return Vocabulary({str(word): int(count) for word, count in counts.items()})


TEXTS = ("characters", "words", "word length", "capitals", "digits", "signs", "unknown words", "broken", "script")


def summarise_texts(column: pd.Series, name: str, known: Vocabulary, *, own: bool = False) -> pd.DataFrame:
    """Return summaries of texts, one row each, named `<name> <summary>`; missing where there is none.

    characters, words: how many; word length: mean, in characters; capitals, digits, signs: shares of the characters;
    unknown words: share of the words that the reference does not have; broken: share of characters that stand for
    bytes which were no text; script: what most letters are written in.

    Args:
        column: Strings, None where missing.
        name: Of the column.
        known: The words of the reference.
        own: Whether these are the reference's texts.
    """
    rows = [_text(text, known, own) for text in column]
    return pd.DataFrame(rows, columns=[f"{name} {part}" for part in TEXTS])


def _text(text: str | None, known: Vocabulary, own: bool) -> tuple[float | str | None, ...]:
    if not text:
        return (*(np.nan,) * (len(TEXTS) - 1), None)
    words, count = WORD.findall(text), len(text)
    letters = sum(c.isalnum() or c.isspace() for c in text)
    return (
        float(count),
        float(len(words)),
        float(np.mean([len(word) for word in words])) if words else 0.0,
        sum(c.isupper() for c in text) / count,
        sum(c.isdigit() for c in text) / count,
        1.0 - letters / count,
        known.unknown([word.lower() for word in words], own),
        text.count(REPLACEMENT) / count,
        script(text),
    )


def script(text: str) -> str:
    """Return what most letters of a text are written in, in lower case; "none" without letters."""
    letters = [c for c in text[:400] if c.isalpha()]
    if not letters:
        return "none"
    if all(c.isascii() for c in letters):
        return "latin"
    names = pd.Series([unicodedata.name(c, "OTHER").split(" ")[0].split("-")[0] for c in letters], dtype=object)
    found = str(names.value_counts().index[0])
    return found.lower() if found in SCRIPTS else "other"
