"""An embeddable sales-pipeline engine: define, move, remember, measure."""

from typing import TYPE_CHECKING, Any

from funnelkit.money import money  # at once, because it shares its name with its module

if TYPE_CHECKING:
    from funnelkit import changes, errors
    from funnelkit.acts import Act
    from funnelkit.asking import Option
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.bulk import BulkResult
    from funnelkit.clock import Clock, FrozenClock, SystemClock
    from funnelkit.conversion import Conversion
    from funnelkit.drafts import DealDetails, NewDeal, NewLead, NewParty
    from funnelkit.engine import Engine
    from funnelkit.ids import IdSource, TimeOrderedIds
    from funnelkit.importing import BadRow, EventLog, ImportReport, import_log
    from funnelkit.migration import Migration
    from funnelkit.money import Money, totals
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
        templates,
    )
    from funnelkit.storage import AsyncStore, Capabilities, MemoryStore, Store, open_store
    from funnelkit.storage.sqlite import SQLiteStore
    from funnelkit.verify import Finding

__all__ = [
    "SYSTEM",
    "Act",
    "Activity",
    "Actor",
    "AsyncEngine",
    "AsyncStore",
    "BadRow",
    "BulkResult",
    "Capabilities",
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
    "SQLiteStore",
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
    "templates",
    "totals",
]

_HOME = {
    name: module
    for module, names in {
        "acts": "Act",
        "asking": "Option",
        "async_engine": "AsyncEngine",
        "bulk": "BulkResult",
        "changes": "changes",
        "clock": "Clock FrozenClock SystemClock",
        "conversion": "Conversion",
        "drafts": "DealDetails NewDeal NewLead NewParty",
        "engine": "Engine",
        "errors": "errors",
        "ids": "IdSource TimeOrderedIds",
        "importing": "BadRow EventLog ImportReport import_log",
        "migration": "Migration",
        "money": "Money totals",
        "records": "SYSTEM Activity Actor Close Company Contact Deal FrozenMapping Lead Move",
        "stages": (
            "CloseReason Pipeline Refusal Rule Scene Stage Transition Verdict approved_by at_least "
            "only_roles reason_required requires rule steps_done"
        ),
        "stages.templates": "templates",
        "storage": "AsyncStore Capabilities MemoryStore Store open_store",
        "storage.sqlite": "SQLiteStore",
        "verify": "Finding",
    }.items()
    for name in names.split()
}
"""Public name → the module it lives in, which is loaded when the name is first asked for."""


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    module = import_module(f"{__name__}.{_HOME[name]}")
    value = globals()[name] = getattr(module, name, module)  # some public names are modules
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
