"""Several records that are one: planned, made one in one commit, and taken apart again."""

from funnelkit.clients.merging.applying import Merge, apply_merge
from funnelkit.clients.merging.dependants import DEPENDANTS, Dependant
from funnelkit.clients.merging.plan import Left, MergePlan, Taken
from funnelkit.clients.merging.planning import plan_merge
from funnelkit.clients.merging.rules import MergeRule
from funnelkit.clients.merging.undoing import undo_merge

__all__ = [
    "DEPENDANTS",
    "Dependant",
    "Left",
    "Merge",
    "MergePlan",
    "MergeRule",
    "Taken",
    "apply_merge",
    "plan_merge",
    "undo_merge",
]
