"""What a row can be, and what a column of it can hold."""

from typing import Literal

Kind = Literal["image", "tabular", "sequence", "text", "mixed"]
WORDS: dict[Kind, str] = {
    "image": "images",
    "tabular": "rows of a table",
    "sequence": "sequences",
    "text": "texts",
    "mixed": "rows of several inputs",
}
"""What a person calls rows of a kind."""
ColumnType = Literal["number", "category", "text", "series"]
