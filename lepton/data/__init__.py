"""Tables on disk (Parquet), their versions (DVC), the readers of deliveries, and the demo's data."""

from lepton.core.extras import require

require("pyarrow", "pandas")
