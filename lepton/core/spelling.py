"""How values are written that mean the same: no value, numbers, words with blanks around them, true and false."""

from __future__ import annotations

import re
import unicodedata

MISSING = frozenset({"", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "NULL", "null", "None"})
"""Spellings of "no value" in a column of numbers. In a column of text only the empty field is: "NA" may be a name."""
NUMBER = r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?[iI][nN][fF]([iI][nN][iI][tT][yY])?"
"""What is a number; Python would also take underscores and the digits of other scripts."""
BLANKS = " \t"
"""What does not count around a value."""
TRUTH = ("true", "false")
"""Truth values, as they are stored."""

_FRACTION = re.compile(r"([+-]?\d+)\.0*")


def plain(text: str) -> str:
    """Return what two spellings of a word have in common.

    Blanks around it, the Unicode form of its letters, a fraction of zeros and capitals of true and false do not count.
    """
    text = unicodedata.normalize("NFC", text).strip(BLANKS)
    if (lower := text.lower()) in TRUTH:
        return lower
    return fraction[1] if (fraction := _FRACTION.fullmatch(text)) else text
