"""The ledger as Parquet files: `export` writes them, `attach` and `load` bring them to an engine."""

from funnelkit.exporting.attaching import attach
from funnelkit.exporting.loading import load
from funnelkit.exporting.writing import Exported, export

__all__ = ["Exported", "attach", "export", "load"]
