"""Sequences and texts for the figures: digits read row by row, and what Faker writes from its lists of real words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch
from digits import Arrays
from faker import Faker
from torch.nn import functional as F

from lepton.core.table import Table, series_column

SIDE = 16
LOCALES = {
    "cs_CZ": "cs",
    "da_DK": "da",
    "de_DE": "de",
    "en_US": "en",
    "fr_FR": "fr",
    "nl_NL": "nl",
    "pl_PL": "pl",
    "vi_VN": "vi",
}
LANGUAGES = tuple(sorted(LOCALES.values()))
SENTENCES = 750


def read_by_rows(rows: Arrays, tag: str) -> Table:
    """Return images as sequences of their rows of pixels, brought to 16 x 16: 16 steps of 16 quantities."""
    x, y = rows
    small = F.interpolate(torch.from_numpy(x[:, None]).float(), (SIDE, SIDE), mode="bilinear", antialias=True)[:, 0]
    frame = pd.DataFrame({f"pixel {k}": series_column(small[:, :, k].numpy()) for k in range(SIDE)})
    ids = np.array([f"{tag}-{k}" for k in range(len(x))], dtype=object)
    labels = np.array([str(v) for v in y], dtype=object)
    return Table("sequence", ids, labels, frame=frame, series=tuple(frame.columns))


def written(seed: int, what: str, each: int = SENTENCES) -> Table:
    """Return `each` texts of every language, sentences or names with addresses, labelled by language."""
    said, labels = [], []
    for place, (locale, language) in enumerate(LOCALES.items()):
        fake = Faker(locale)
        fake.seed_instance(1000 * seed + place)
        for _ in range(each):
            said.append(
                fake.sentence() if what == "sentences" else fake.name() + ", " + " ".join(fake.address().split())
            )
            labels.append(language)
    ids = np.array([f"{what}-{k}" for k in range(len(said))], dtype=object)
    frame = pd.DataFrame({"said": pd.Series(said, dtype=object)})
    return Table("text", ids, np.array(labels, dtype=object), frame=frame, texts=("said",))
