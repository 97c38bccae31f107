"""An embeddable sales-pipeline engine: define, move, remember, measure."""

from funnelkit import changes, errors
from funnelkit.acts import Act
from funnelkit.bulk import BulkResult
from funnelkit.clock import Clock, FrozenClock, SystemClock
from funnelkit.conversion import Conversion
from funnelkit.drafts import DealDetails, NewDeal, NewLead, NewParty
from funnelkit.engine import Engine, Option
from funnelkit.ids import IdSource, TimeOrderedIds
from funnelkit.importing import BadRow, EventLog, ImportReport, import_log
from funnelkit.migration import Migration
from funnelkit.money import Money, money, totals
from funnelkit.records import (
    SYSTEM,
    Activity,
    Actor,
    Close,
    Company,
    Contact,
    Deal,
    FrozenMapping,
    Lead,
    Move,
)
from funnelkit.stages import (
    CloseReason,
    Pipeline,
    Refusal,
    Rule,
    Scene,
    Stage,
    Transition,
    Verdict,
    approved_by,
    at_least,
    only_roles,
    reason_required,
    requires,
    rule,
    steps_done,
)
from funnelkit.storage import MemoryStore, Store, open_store
from funnelkit.verify import Finding

__all__ = [
    "SYSTEM",
    "Act",
    "Activity",
    "Actor",
    "BadRow",
    "BulkResult",
    "Clock",
    "Close",
    "CloseReason",
    "Company",
    "Contact",
    "Conversion",
    "Deal",
    "DealDetails",
    "Engine",
    "EventLog",
    "Finding",
    "FrozenClock",
    "FrozenMapping",
    "IdSource",
    "ImportReport",
    "Lead",
    "MemoryStore",
    "Migration",
    "Money",
    "Move",
    "NewDeal",
    "NewLead",
    "NewParty",
    "Option",
    "Pipeline",
    "Refusal",
    "Rule",
    "Scene",
    "Stage",
    "Store",
    "SystemClock",
    "TimeOrderedIds",
    "Transition",
    "Verdict",
    "approved_by",
    "at_least",
    "changes",
    "errors",
    "import_log",
    "money",
    "only_roles",
    "open_store",
    "reason_required",
    "requires",
    "rule",
    "steps_done",
    "totals",
]
