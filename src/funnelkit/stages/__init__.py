"""Pipelines: what they are made of, what they allow, and why they refuse."""

from __future__ import annotations

from funnelkit.stages.inject import Scene
from funnelkit.stages.pipeline import Pipeline
from funnelkit.stages.rules import Refusal, Rule, Verdict, rule
from funnelkit.stages.stage import CloseReason, Stage
from funnelkit.stages.stock import (
    approved_by,
    at_least,
    only_roles,
    reason_required,
    requires,
    steps_done,
)
from funnelkit.stages.transition import Transition

__all__ = [
    "CloseReason",
    "Pipeline",
    "Refusal",
    "Rule",
    "Scene",
    "Stage",
    "Transition",
    "Verdict",
    "approved_by",
    "at_least",
    "only_roles",
    "reason_required",
    "requires",
    "rule",
    "steps_done",
]
