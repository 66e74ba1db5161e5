"""The contract as a file: one commented YAML that people read and edit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from lepton.contract.spec import ColumnRule, Contract, ImageRule
from lepton.core.config.names import check_domain
from lepton.core.config.workspace import Workspace
from lepton.core.config.yaml_file import nearest, read_yaml
from lepton.core.errors import NotFound, UsageError
from lepton.core.kinds import DatePart, kind_of
from lepton.core.work.files import atomic_write

_UNSAFE = re.compile("[\x7f-\xa0\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that YAML does not allow, takes for a line break, or that nobody sees on the screen."""


def contract_path(ws: Workspace, domain: str) -> Path:
    """Return where a domain's contract lies."""
    return ws.contracts_dir / f"{check_domain(domain)}.yaml"


def load_contract(ws: Workspace, domain: str) -> Contract:
    """Return the contract of a known domain.

    Raises:
        NotFound: If the domain is not known.
        UsageError: If the file is not YAML or not a contract; names the line or the key.
    """
    ws.check_known(domain)
    contract = read_contract(contract_path(ws, domain))
    if contract.domain != domain:
        raise UsageError(
            f"contracts/{domain}.yaml is the contract of another domain, {contract.domain!r}.",
            fix=[f"write `domain: {domain}` in it"],
        )
    return contract


def read_contract(path: Path) -> Contract:
    """Read one contract file.

    Raises:
        NotFound: If there is none.
        UsageError: If it is not YAML or not a contract.
    """
    if not path.exists():
        raise NotFound(f"{path} does not exist.")
    try:
        return Contract.model_validate(read_yaml(path))
    except ValidationError as error:
        raise UsageError(
            f"{path.name} is not a valid contract.",
            why="\n".join(_explain(dict(problem)) for problem in error.errors()),
            fix=[f"edit {path}"],
        ) from None


def save_contract(ws: Workspace, contract: Contract) -> Path:
    """Write a contract as the commented YAML that `load_contract` reads."""
    return atomic_write(contract_path(ws, contract.domain), render(contract))


def render(contract: Contract) -> str:
    """Return the commented YAML of a contract."""
    lines = [
        f"# The contract of domain {contract.domain!r}: what a delivery must meet before it is stored.",
        "# Edit it when the world changes for good; a delivery that breaks it goes to quarantine/ with the reason.",
        "",
        f"domain: {contract.domain}",
        f"role: {contract.role}      # a source needs labels, a target may have some",
        f"kind: {contract.kind}",
        "",
        '# Labels that may occur. Quote them: 1 and "1" mean the same here, but yes and no are truth values in YAML.',
        f"classes: {_flow(list(contract.classes))}",
        "",
        "# Column that holds the label, and the largest share of rows without one where that column is delivered.",
        f"label: {_flow(contract.label)}",
        f"label_missing: {_number(contract.label_missing)}",
        "",
        "# Column that identifies a row. Where it is not delivered, ids are made from the rows' content.",
        f"id: {_flow(contract.id)}",
        "",
        "# Fewest rows of a delivery.",
        f"min_rows: {contract.min_rows}",
        "",
        "# Least share of rows that must keep the ranges, lengths and categories below. The others are set aside in",
        "# quarantine/ and the rest is stored; 1 refuses a delivery whole for one such row. A column may have its own.",
        f"mostly: {_number(contract.mostly)}",
        "",
    ]
    if contract.image is not None:
        lines += [
            "# Every image: channels, height and width; the type of its pixels; the range of their values.",
            "image:",
            f"  shape: {list(contract.image.shape)}",
            f"  dtype: {contract.image.dtype}",
            f"  min: {_number(contract.image.min)}",
            f"  max: {_number(contract.image.max)}",
        ]
        if kind_of(contract.kind).images == "some":
            lines += [
                "  # The largest share of rows without an image.",
                f"  missing: {_number(contract.image.missing)}",
                "",
            ]
    if contract.columns:
        lines += [
            "# Feature columns; a delivery has exactly these. `missing` is the largest share of rows without a value.",
            "# number: min and max are inclusive; leave one out to allow any. category: leave values out to allow any.",
            *(
                ["# text, series: length is the fewest and most characters or steps; min and max hold for each step."]
                if contract.kind not in ("image", "tabular")
                else []
            ),
            "columns:",
            *(f"  - {_rule(rule)}" for rule in contract.columns),
        ]
    if contract.dates:
        lines += [
            "",
            "# Columns of dates, and the parts that are kept of each as the columns `NAME (PART)` above:",
            f"# {', '.join(get_args(DatePart))}.",
            "dates:",
            *(f"  {_flow(name)}: {_flow(list(parts))}" for name, parts in contract.dates.items()),
        ]
    if contract.ignore:
        lines += [
            "",
            "# Columns that a delivery may have and that are left out.",
            f"ignore: {_flow(list(contract.ignore))}",
        ]
    if contract.no_value:
        lines += [
            "",
            "# Further spellings of no value in columns of numbers.",
            f"no_value: {_flow(list(contract.no_value))}",
        ]
    return "\n".join(lines) + "\n"


def _rule(rule: ColumnRule) -> str:
    parts = [f"name: {_flow(rule.name)}", f"dtype: {rule.dtype}"]
    parts += [f"{key}: {_number(value)}" for key, value in (("min", rule.min), ("max", rule.max)) if value is not None]
    if rule.length is not None:
        parts.append(f"length: {list(rule.length)}")
    parts.append(f"missing: {_number(rule.missing)}")
    if rule.mostly is not None:
        parts.append(f"mostly: {_number(rule.mostly)}")
    if rule.values is not None:
        parts.append(f"values: {_flow(list(rule.values))}")
    return "{" + ", ".join(parts) + "}"


def _flow(value: str | list[str]) -> str:
    # JSON text is YAML, and always quoted; what YAML would not read back as it is has to be escaped.
    return _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04X}", json.dumps(value, ensure_ascii=False))


def _number(value: float) -> str:
    # YAML 1.1 reads 1e-05 as text: a number needs a point.
    text = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _explain(problem: dict[str, Any]) -> str:
    """Turn one pydantic problem into a line with the path and the nearest known key."""
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in problem["loc"]) or "the file"
    if problem["type"] == "extra_forbidden":
        parts: dict[str, type[BaseModel]] = {"image": ImageRule, "columns": ColumnRule}
        part = parts.get(str(problem["loc"][0]), Contract)
        known = list((part if len(problem["loc"]) > 1 else Contract).model_fields)
        near = nearest(str(problem["loc"][-1]), known)
        return f"{where}: unknown key" + (f"; did you mean {near!r}?" if near else f"; known: {', '.join(known)}")
    if problem["type"] == "missing":
        return f"{where}: required, but absent"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{where}: {message}" + ("" if isinstance(problem["input"], dict) else f" (found {problem['input']!r})")
