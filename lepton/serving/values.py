"""A column of a request, read as its contract says: numbers, words, texts, series, images."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import numpy as np

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.spelling import BLANKS, MISSING, NUMBER, plain
from lepton.graph.fields import IMAGE
from lepton.serving.breaches import Found, few, quoted

_NUMBER = re.compile(NUMBER)
_HIGHEST = sys.float_info.max

Reader: TypeAlias = Callable[[list[Any], bool, Found], list[Any]]
"""From the values of a column, and whether they have a type of their own, to those that the model reads."""


def reader_of(rule: ColumnRule, contract: Contract) -> Reader:
    """Return what reads a column that is no image."""
    if rule.dtype == "number":
        return _number_reader(rule, contract.no_value)
    if rule.dtype == "category":
        return _category_reader(rule)
    return _text_reader(rule) if rule.dtype == "text" else _series_reader(rule)


def _number_reader(rule: ColumnRule, no_value: Collection[str]) -> Reader:
    name, must = rule.name, rule.missing == 0
    low, high = _limits(rule)
    none = MISSING | set(no_value)

    def read(values: list[Any], typed: bool, found: Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if type(value) is float or type(value) is int:
                number = float(value)
            elif value is None:
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            elif not typed and isinstance(value, str):
                text = value.strip(BLANKS)
                if text in none:
                    if must:
                        _lacks(found, name, row)
                    read_.append(None)
                    continue
                if _NUMBER.fullmatch(text) is None:
                    found.add("type", name, row, f"{quoted(value)} is no number", "write a number, such as 0.5")
                    read_.append(None)
                    continue
                number = float(text)
            else:
                found.add("type", name, row, f"{quoted(value)} is no number", "write a number, such as 0.5")
                read_.append(None)
                continue
            if not low <= number <= high:
                said = f"{number:g} is out of range"
                found.add("range", name, row, said, f"allowed: {_bound(rule.min)} to {_bound(rule.max)}")
            read_.append(number)
        return read_

    return read


def _category_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0
    allowed = frozenset(rule.values or ())
    forms: dict[str, str | None] = {}
    for one in rule.values or ():
        form = plain(one)
        forms[form] = one if form not in forms else None  # two that differ in spelling only stay apart

    def read(values: list[Any], typed: bool, found: Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None or value == "":
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            if type(value) is not str:
                if type(value) not in (int, float, bool):
                    found.add("type", name, row, f"{quoted(value)} is no word", "write a text or a number")
                    read_.append(None)
                    continue
                value = _word(value)
            if value not in allowed:
                value = forms.get(plain(value)) or plain(value)
                if allowed and value not in allowed:
                    said = f"{quoted(value)} is not allowed"
                    found.add("category", name, row, said, f"allowed: {few(rule.values or ())}")
            read_.append(value)
        return read_

    return read


def _text_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0

    def read(values: list[Any], typed: bool, found: Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None or value == "":
                if must:
                    _lacks(found, name, row)
                read_.append(None)
            elif type(value) is not str:
                found.add("type", name, row, f"{quoted(value)} is no text", 'write it in quotes: "..."')
                read_.append(None)
            else:
                _check_length(rule, row, len(value), "characters", found)
                read_.append(value)
        return read_

    return read


def _series_reader(rule: ColumnRule) -> Reader:
    name, must = rule.name, rule.missing == 0
    low, high = _limits(rule)

    def read(values: list[Any], typed: bool, found: Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            if value is None:
                if must:
                    _lacks(found, name, row)
                read_.append(None)
                continue
            if not isinstance(value, list) or not all(one is None or type(one) in (int, float) for one in value):
                found.add("type", name, row, f"{quoted(value)} is no list of numbers", "write [0.5, 0.7, ...]")
                read_.append(None)
                continue
            _check_length(rule, row, len(value), "steps", found)
            known = [one for one in value if one is not None]
            if known and not (low <= min(known) and max(known) <= high):
                said = f"steps from {min(known):g} to {max(known):g} are out of range"
                found.add("range", name, row, said, f"allowed: {_bound(rule.min)} to {_bound(rule.max)}")
            read_.append(value)
        return read_

    return read


def image_reader(rule: ImageRule, must: bool) -> Reader:
    """Return what reads images; `must`: no policy lets a row without one pass."""
    shape = " x ".join(map(str, rule.shape))

    def read(values: list[Any], typed: bool, found: Found) -> list[Any]:
        read_: list[Any] = []
        for row, value in enumerate(values):
            image = None
            if value is None:
                if must or rule.missing == 0:
                    found.add("missing", IMAGE, row, "there is no image", f"it must be {shape}", always=must)
            elif (image := _pixels(value, rule)) is None:
                numbers = "whole numbers of 0 to 255" if rule.dtype == "uint8" else "numbers"
                found.add("type", IMAGE, row, "it is no such image", f"it must be {shape}, {numbers}", always=must)
            elif image.min() < rule.min or image.max() > rule.max:
                said = f"pixels from {image.min():g} to {image.max():g} are out of range"
                found.add("range", IMAGE, row, said, f"allowed: {rule.min:g} to {rule.max:g}")
            read_.append(image)
        return read_

    return read


def _pixels(value: Any, rule: ImageRule) -> Any:
    """Return an image (C, H, W) of the contract's type; None if it is none."""
    try:
        image = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    if image.ndim == 2:
        image = image[None]
    if image.shape != rule.shape or not np.isfinite(image).all():
        return None
    if rule.dtype == "float32":
        return image.astype(np.float32)
    whole = image.astype(np.uint8, casting="unsafe") if image.min() >= 0 and image.max() <= 255 else None
    return whole if whole is not None and (whole == image).all() else None


def _check_length(rule: ColumnRule, row: int, length: int, unit: str, found: Found) -> None:
    if rule.length is not None and not rule.length[0] <= length <= rule.length[1]:
        allowed = f"allowed: {rule.length[0]:,} to {rule.length[1]:,}"
        found.add("length", rule.name, row, f"{length:,} {unit}", allowed)


def _lacks(found: Found, name: str, row: int) -> None:
    found.add("missing", name, row, "there is no value", "the contract asks for one")


def _word(value: float | bool) -> str:
    """Return a number or truth value as a category: `1`, never `1.0`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _limits(rule: ColumnRule) -> tuple[float, float]:
    """Return the smallest and the largest number that a column may hold; never an infinite one."""
    return -_HIGHEST if rule.min is None else rule.min, _HIGHEST if rule.max is None else rule.max


def _bound(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"
