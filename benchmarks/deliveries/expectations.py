"""What the output of each case must show: a function returns what is missing in it, or nothing.

The words are those of each case's `expected.txt`; where that allows either of two, so does the check.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Expect = Callable[[str], str]


def shows(*patterns: str, never: tuple[str, ...] = ()) -> Expect:
    """Return a check that finds all patterns, in this order, and none of those that must not occur."""

    def check(told: str) -> str:
        at = 0
        for pattern in patterns:
            found = re.compile(pattern, re.MULTILINE).search(told, at)
            if found is None:
                return f"no {pattern!r}"
            at = found.end()
        return next((f"shows {pattern!r}" for pattern in (*never, *NEVER) if re.search(pattern, told)), "")

    return check


def either(*checks: Expect) -> Expect:
    """Return a check that holds if one of several does."""

    def check(told: str) -> str:
        missing = [one(told) for one in checks]
        return "" if "" in missing else missing[0]

    return check


NEVER = ("did not expect", r"Traceback \(most recent call last\):\n(?!  File \"<stdin>\")(?:.*\n)*?.*lepton/")
"""What no case may show: a mistake of lepton's own. A case's own Python (`<stdin>`) may meet an error as well."""
TAKEN = r"^\[exit 0\] lepton -w .* ingest"
REFUSED = r"^\[exit [12]\] lepton -w .* ingest"


def twice(told: str) -> str:
    """Twice the columns: the second ingest takes about twice the processor's time of the first."""
    seconds = [float(m) * 60 + float(s) for m, s in re.findall(r"^user\s+(\d+)m([\d.]+)s", told, re.MULTILINE)]
    if len(seconds) != 2:
        return "no two times"
    return "" if seconds[1] <= 2.2 * seconds[0] else f"{seconds[1]:.1f} s of 200 columns, {seconds[0]:.1f} s of 100"


def exact(told: str) -> str:
    """Account numbers and nanoseconds are stored as they were sent, or each file is refused by name."""
    kept = re.findall(r"(\d+) different of (\d+)", told)
    if len(kept) == 4 and all(a == b for a, b in kept):
        return ""
    refused = re.findall(r"(first\.csv|second\.parquet): columns? 'account'.* whole numbers beyond 2\*\*53", told)
    return "" if set(refused) == {"first.csv", "second.parquet"} else "neither exact nor refused by name"


def equal_rows(told: str) -> str:
    """Identical pictures share a side, and of a cumulative export only the new rows are stored."""
    return shows(
        r"identical pictures on two sides of the split: 0 of 60",
        r"stored in domain 'table': 200 rows",
        r"stored in domain 'table': 50 rows",
        r"200 rows of the delivery are stored already",
        TAKEN,
    )(told)


EXPECTED: dict[str, Expect] = {
    "01": shows(r'name: "zip", dtype: category', TAKEN, r"zip: \[.*'01234'|zip: \[.*'02139'|zip: \[.*'00501'"),
    "03": exact,
    "04": shows(r"line 4\b", never=(r"contract   passed",)),
    "06": shows(TAKEN, r"999999", REFUSED),
    "07": shows(TAKEN, TAKEN, never=(r'name: "__index_level_0__"',)),
    "08": shows(TAKEN, r"'up/00\.jpg[^']*': 20\d.*'up/01\.jpg[^']*': 20\d.*'up/11\.jpg[^']*': 20\d"),
    "09": either(
        shows(r"scans/x/0\.tif holds 5 pages", r"clips/x/0\.gif holds 5 pages"),
        shows("60 rows", TAKEN, "60 rows", TAKEN),
    ),
    "11": shows(
        r"299 of 300 values are numbers; not '\?'",
        r"numbers with thousands separators",
        r"299 of 300 values are numbers; not '\\N'",
    ),
    "12": either(
        shows(
            r'^\d+:classes: \["no", "yes"\]|differ in blanks',
            r"^\[exit 0\] lepton init shop2",
            r"^\[exit 0\] lepton init shop3",
        ),
        shows(r'classes: \["no", "yes"\]|differ in blanks', r"' outcome'"),
    ),
    "14": shows(TAKEN, TAKEN),
    "15": either(
        shows(r"first id: (\S+)", TAKEN, r"id: \['[0-9a-f]{8}-[0-9a-f]{4}-4", "100 different of 100"),
        shows("not UTF-8 in row 1"),
    ),
    "16": shows(TAKEN),
    "17": shows(
        r"^\[exit 0\] lepton -w one ingest", r"^\[exit 0\] lepton -w one status", r"^\[exit 0\] lepton -w two ingest"
    ),
    "18": shows(TAKEN, TAKEN),
    "19": shows(TAKEN, TAKEN, TAKEN, TAKEN),
    "20": either(
        shows(r"^\[exit 0\] lepton init", r"is a workspace already", r"is a workspace already"),
        shows(r"one Parquet file", r"sep="),
    ),
    "22": shows(TAKEN),
    "23": shows(
        r"^600 shop/data",
        r"^600 shop/contracts",
        r"^600 shop/lepton.yaml",
        r"^664 shop2/contracts",
        r"^664 shop2/lepton.yaml",
    ),
    "24": either(
        shows(r"^\[exit 0\] lepton init shop ", r"^\[exit 0\] lepton init shop2", TAKEN), shows(r"HOME", TAKEN)
    ),
    "25": equal_rows,
    "26": shows(TAKEN, TAKEN),
    "27": either(
        shows(r"what\?now'?: its path has a '\?'|has a '\?'", never=(r"\('ingested'\)", r"\[exit 0\] lepton")),
        shows(TAKEN, r"^ledger\.db", TAKEN, never=(r"one ledger outside of both workspaces: \[\(",)),
    ),
    "28": shows(
        r"^logos 16 rows, \['round', 'square'\] different pictures: ([2-9]|1\d)",
        r"^code 24 rows, \['\.NET', 'c', 'java'\]",
        r"deep/\w/\d\.png has colour of more than 8 bits",
    ),
    "29": shows(
        r"gone from MLflow", r"^\[exit \d\] lepton -w shop status", r"lepton doctor|register", r"lepton -w shop doctor"
    ),
    "30": shows(
        r"day\s+left out\s+dates",
        TAKEN,
        r"ingest site february|stored in domain 'site': 300 rows",
        r"^april\.csv",
        never=(r"inputs: day",),
    ),
    "31": shows(r"'fraud'.*no held-out row|no held-out row.*fraud", never=(r"macro F1 1\.000",)),
    "32": twice,
}
