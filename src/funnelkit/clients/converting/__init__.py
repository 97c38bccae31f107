"""What becomes of a lead: planned, done in one commit, and taken back."""

from funnelkit.clients.converting.applying import Conversion, apply_conversion, convert
from funnelkit.clients.converting.plan import ConversionPlan
from funnelkit.clients.converting.planning import plan_conversion
from funnelkit.clients.converting.undoing import undo_conversion

__all__ = [
    "Conversion",
    "ConversionPlan",
    "apply_conversion",
    "convert",
    "plan_conversion",
    "undo_conversion",
]
