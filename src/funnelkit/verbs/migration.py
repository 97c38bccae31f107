"""Live records of a pipeline whose definition has lost the stage they are on: plan, look, move.

Adding, renaming, reordering and archiving stages needs no migration: records and history keep their
stage ids. Only a stage that is taken out leaves its open records nowhere. Closed records keep the
stage they ended on, for history's sake.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import attrs

from funnelkit.errors import InputError, shown
from funnelkit.serial import did_you_mean
from funnelkit.stages import Pipeline, Rule
from funnelkit.stages.document import every_rule
from funnelkit.verbs.bulk import BulkResult, bulk
from funnelkit.verbs.shell import Shell

__all__ = ["Migration", "migrate", "plan_migration"]

_PAGE = 500


@attrs.frozen(kw_only=True)
class Migration:
    """What a migration would do; printing it is the dry run.

    Attributes:
        pipeline: The pipeline's id.
        differences: What changed since the definition that was used last, as sentences.
        moves: (record id, stage now, stage to go to), one for each open record that would move.
        unmapped: (record id, stage now) of open records that nobody said where to put.

    >>> from funnelkit import Engine, MemoryStore, Pipeline, Stage
    >>> store = MemoryStore()
    >>> deal = Engine(Pipeline("sales", [Stage("demo"), Stage("offer")]), store=store).create("Acme")
    >>> engine = Engine(Pipeline("sales", [Stage("call"), Stage("offer")]), store=store)
    >>> plan = engine.plan_migration("sales", {"demo": "call"})
    >>> print(plan)
    migration of sales: 1 to move, 0 unmapped
      stage 'demo' is removed
      stage 'call' is added at the front
      demo → call: 1 records
    >>> print(engine.migrate(plan, actor="head", reason="demos are calls now"))
    1 done, 0 refused
    """

    pipeline: str
    differences: tuple[str, ...] = ()
    moves: tuple[tuple[str, str, str], ...] = ()
    unmapped: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        lines = [f"migration of {self.pipeline}: {len(self.moves)} to move, {len(self.unmapped)} unmapped"]
        lines += [f"  {difference}" for difference in self.differences]
        ways = Counter((source, target) for _, source, target in self.moves)
        lines += [f"  {source} → {target}: {count} records" for (source, target), count in ways.items()]
        lost = Counter(stage for _, stage in self.unmapped)
        lines += [f"  {stage}: {count} records stay nowhere; map the stage" for stage, count in lost.items()]
        return "\n".join(lines)


async def plan_migration(shell: Shell, pipeline_id: str, stages: Mapping[str, str]) -> Migration:
    """Return what `migrate` would do; see `Engine.plan_migration`."""
    pipeline = shell.pipeline(pipeline_id)
    for target in stages.values():
        if pipeline.stage(target).archived:
            raise InputError("stages", f"stage {target} is archived", "map to one that is in use")
    for source in stages:
        if source in pipeline.stage_ids:
            raise InputError(
                "stages", f"stage {source} is still in {pipeline.id}", "leave it out, or use bulk"
            )
    sql = f"SELECT DISTINCT stage FROM {pipeline.kind} WHERE pipeline = :pipeline AND outcome = ''"  # noqa: S608
    used = [row[0] for row in await shell.store.query(sql, {"pipeline": pipeline.id})]
    gone = sorted(set(used) - set(pipeline.stage_ids))
    if never := sorted(set(stages) - set(gone)):
        raise InputError("stages", f"no open record is on {shown(never[0])}", did_you_mean(never[0], gone))
    moves: list[tuple[str, str, str]] = []
    unmapped: list[tuple[str, str]] = []
    for stage in gone:
        for id in await _open_on(shell, pipeline, stage):
            if stage in stages:
                moves.append((id, stage, stages[stage]))
            else:
                unmapped.append((id, stage))
    return Migration(
        pipeline=pipeline.id,
        differences=await _differences(shell, pipeline),
        moves=tuple(moves),
        unmapped=tuple(unmapped),
    )


async def _open_on(shell: Shell, pipeline: Pipeline, stage: str) -> list[str]:
    ids: list[str] = []
    where = {"pipeline": pipeline.id, "stage": stage, "outcome": ""}
    while page := await shell.store.find(pipeline.kind, where, after=ids[-1] if ids else "", limit=_PAGE):
        ids += [record.id for record in page]
    return ids


async def _differences(shell: Shell, pipeline: Pipeline) -> tuple[str, ...]:
    """Return how the definition differs from the one the last move was made under."""
    sql = (
        "SELECT d.document FROM move AS m JOIN definition AS d ON d.fingerprint = m.fingerprint "
        "WHERE m.pipeline = :pipeline ORDER BY m.position DESC LIMIT 1"
    )
    found = await shell.store.query(sql, {"pipeline": pipeline.id})
    if not found:
        return ()
    known = {rule.name: rule for rule in every_rule(pipeline)}
    names = _rule_names(json.loads(found[0][0]))
    rules = [known.get(name) or Rule(function=_nothing, name=name) for name in names]
    return Pipeline.from_json(found[0][0], rules=rules).diff(pipeline)


def _rule_names(document: Any) -> set[str]:
    """Return the rules that a document names, wherever it does."""
    if isinstance(document, list):
        return set().union(*(_rule_names(item) for item in document))
    if not isinstance(document, dict):
        return set()
    below = _rule_names([value for key, value in document.items() if key != "rules"])
    return below.union(document.get("rules", ()))


def _nothing() -> None:
    """Stand in for a rule that is no longer there; only its name is compared."""


async def migrate(shell: Shell, plan: Migration, act: Mapping[str, Any]) -> BulkResult:
    """Do what a plan says, each move through the gate; see `Engine.migrate`."""
    if plan.unmapped:
        stages = ", ".join(sorted({stage for _, stage in plan.unmapped}))
        raise InputError("plan", f"leaves records on {stages}", "map these stages and plan again")
    done: list[Any] = []
    refused: list[Any] = []
    for target in dict.fromkeys(target for _, _, target in plan.moves):
        ids = [id for id, _, to in plan.moves if to == target]
        result = await bulk(shell, "move", ids, {**act, "to": target, "override": True}, cause="migration")
        done += result.done
        refused += result.refused
    return BulkResult(done=tuple(done), refused=tuple(refused))
