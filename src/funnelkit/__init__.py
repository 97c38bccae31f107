"""An embeddable sales-pipeline engine: define, move, remember, measure."""

from typing import TYPE_CHECKING, Any

from funnelkit.money import money  # at once, because it shares its name with its module

if TYPE_CHECKING:
    from funnelkit import changes, errors
    from funnelkit.async_engine import AsyncEngine
    from funnelkit.clients import schemes
    from funnelkit.clients.converting import Conversion
    from funnelkit.clients.converting.plan import ConversionPlan
    from funnelkit.clients.duplicates import Duplicates
    from funnelkit.clients.leadless import convert_open_leads
    from funnelkit.clients.merging import Merge, MergePlan, MergeRule
    from funnelkit.clients.profile import Client
    from funnelkit.clients.rekeying import rekey
    from funnelkit.clients.rules import FuzzyNames, MatchRule
    from funnelkit.clients.winback import lost_clients
    from funnelkit.clock import Clock, FrozenClock, SystemClock
    from funnelkit.engine import Engine
    from funnelkit.exporting import Exported, attach, export
    from funnelkit.ids import IdSource, TimeOrderedIds
    from funnelkit.importing import BadRow, EventLog, ImportReport, import_log
    from funnelkit.intake.source import Cost, Source
    from funnelkit.keys.policy import KeyPolicy
    from funnelkit.money import Money, totals
    from funnelkit.people.handovers import handovers
    from funnelkit.people.organisation import Group, Organisation, Person
    from funnelkit.people.scope import Scope
    from funnelkit.people.sharing import FirstOf, LeastBusy, PersonalManager, Quota, RoundRobin
    from funnelkit.people.targets import Target
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
    from funnelkit.storage.base import MatchKey
    from funnelkit.storage.commit_json import commit_from_json, commit_to_json
    from funnelkit.storage.copying import Copied, copy_store
    from funnelkit.storage.postgres import AsyncPostgresStore, PostgresStore
    from funnelkit.storage.sqlite import SQLiteStore
    from funnelkit.storage.wrappers.cached import CachedStore
    from funnelkit.storage.wrappers.mirrored import MirroredStore
    from funnelkit.storage.wrappers.read_only import ReadOnlyStore
    from funnelkit.tables.importing import import_table, plan_table
    from funnelkit.tables.mapping import TableMapping
    from funnelkit.verbs.acts import Act
    from funnelkit.verbs.asking import Option
    from funnelkit.verbs.bulk import BulkResult
    from funnelkit.verbs.drafts import DealDetails, NewDeal, NewLead, NewParty
    from funnelkit.verbs.migration import Migration
    from funnelkit.verifying import Finding

__all__ = [
    "SYSTEM",
    "Act",
    "Activity",
    "Actor",
    "AsyncEngine",
    "AsyncPostgresStore",
    "AsyncStore",
    "BadRow",
    "BulkResult",
    "CachedStore",
    "Capabilities",
    "Client",
    "Clock",
    "Close",
    "CloseReason",
    "Company",
    "Contact",
    "Conversion",
    "ConversionPlan",
    "Copied",
    "Cost",
    "Deal",
    "DealDetails",
    "Duplicates",
    "Engine",
    "EventLog",
    "Exported",
    "Finding",
    "FirstOf",
    "FrozenClock",
    "FrozenMapping",
    "FuzzyNames",
    "Group",
    "IdSource",
    "ImportReport",
    "KeyPolicy",
    "Lead",
    "LeastBusy",
    "MatchKey",
    "MatchRule",
    "MemoryStore",
    "Merge",
    "MergePlan",
    "MergeRule",
    "Migration",
    "MirroredStore",
    "Money",
    "Move",
    "NewDeal",
    "NewLead",
    "NewParty",
    "Option",
    "Organisation",
    "Person",
    "PersonalManager",
    "Pipeline",
    "PostgresStore",
    "Quota",
    "ReadOnlyStore",
    "Refusal",
    "RoundRobin",
    "Rule",
    "SQLiteStore",
    "Scene",
    "Scope",
    "Source",
    "Stage",
    "Store",
    "SystemClock",
    "TableMapping",
    "Target",
    "TimeOrderedIds",
    "Transition",
    "Verdict",
    "approved_by",
    "at_least",
    "attach",
    "changes",
    "commit_from_json",
    "commit_to_json",
    "convert_open_leads",
    "copy_store",
    "errors",
    "export",
    "handovers",
    "import_log",
    "import_table",
    "lost_clients",
    "money",
    "only_roles",
    "open_store",
    "plan_table",
    "reason_required",
    "rekey",
    "requires",
    "rule",
    "schemes",
    "steps_done",
    "templates",
    "totals",
]

_HOME = {
    name: module
    for module, names in {
        "verbs.acts": "Act",
        "verbs.asking": "Option",
        "async_engine": "AsyncEngine",
        "verbs.bulk": "BulkResult",
        "changes": "changes",
        "keys.policy": "KeyPolicy",
        "clients.rules": "FuzzyNames MatchRule",
        "clients.merging": "Merge MergePlan MergeRule",
        "clients.profile": "Client",
        "intake.source": "Cost Source",
        "people.organisation": "Group Organisation Person",
        "people.scope": "Scope",
        "people.sharing": "FirstOf LeastBusy PersonalManager Quota RoundRobin",
        "people.targets": "Target",
        "tables.mapping": "TableMapping",
        "tables.importing": "import_table plan_table",
        "storage.base": "MatchKey",
        "clients.schemes": "schemes",
        "clients.duplicates": "Duplicates",
        "clients.leadless": "convert_open_leads",
        "clients.winback": "lost_clients",
        "clients.rekeying": "rekey",
        "people.handovers": "handovers",
        "clock": "Clock FrozenClock SystemClock",
        "clients.converting": "Conversion ConversionPlan",
        "verbs.drafts": "DealDetails NewDeal NewLead NewParty",
        "engine": "Engine",
        "errors": "errors",
        "ids": "IdSource TimeOrderedIds",
        "exporting": "Exported attach export",
        "importing": "BadRow EventLog ImportReport import_log",
        "verbs.migration": "Migration",
        "money": "Money totals",
        "records": "SYSTEM Activity Actor Close Company Contact Deal FrozenMapping Lead Move",
        "stages": (
            "CloseReason Pipeline Refusal Rule Scene Stage Transition Verdict approved_by at_least "
            "only_roles reason_required requires rule steps_done"
        ),
        "stages.templates": "templates",
        "storage": "AsyncStore Capabilities MemoryStore Store open_store",
        "storage.commit_json": "commit_from_json commit_to_json",
        "storage.copying": "Copied copy_store",
        "storage.postgres": "AsyncPostgresStore PostgresStore",
        "storage.sqlite": "SQLiteStore",
        "storage.wrappers.cached": "CachedStore",
        "storage.wrappers.mirrored": "MirroredStore",
        "storage.wrappers.read_only": "ReadOnlyStore",
        "verifying": "Finding",
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
