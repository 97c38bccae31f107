"""The gate, line by line: every no in its exact words, every yes with all that follows from it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest

from funnelkit import Actor, CloseReason, Money, Pipeline, Refusal, Stage, Transition, Verdict, rule
from funnelkit.gate.decide import amended, decide, facts_needed, resolved
from funnelkit.gate.request import Facts, Request
from funnelkit.gate.seal import seal_of
from funnelkit.records import SYSTEM, Activity, Close, Deal, Placed
from funnelkit.testing.samples import AT, a_company, a_contact, a_deal, a_lead, a_move

LATER = AT + timedelta(hours=2)
KIM = Actor("kim", roles={"head"})

SALES = Pipeline(
    "sales",
    [
        Stage("new", probability=0.1),
        Stage("offer", probability=0.5),
        Stage("paper", archived=True),
        Stage("contract"),
    ],
    moves="ordered",
    close_reasons={"lost": [CloseReason("price", "Too dear"), "silence"]},
)
FORK = Pipeline(
    "fork",
    [Stage("a"), Stage("b"), Stage("c")],
    moves=[Transition("a", "b"), Transition("a", "c"), Transition("b", "a")],
)
LEADS = Pipeline("intake", [Stage("new"), Stage("old", archived=True)], kind="lead")
CARE = Pipeline("care", [Stage("ticket"), Stage("visit"), Stage("bill")])


def asked(verb: str, **details: Any) -> Request:
    """Return a request of Kim's, two hours after the record was made."""
    return Request(**{"verb": verb, "actor": KIM, "at": LATER, **details})


def closed(outcome: Any = "lost") -> Close:
    """Return a closing at the time of the creation."""
    return Close(outcome=outcome, reason="price", reason_text="Too dear", note="", at=AT, by="kim")


NAMELESS = Refusal("override_actor", "an override needs a named actor", field="actor", fix="say who")
BAREFACED = Refusal("override_reason", "an override needs a reason", field="reason", fix="say why")
CLOSED = Refusal("closed", "deal 'Acme' is closed (lost)", fix="reopen it first")
ARCHIVED = Refusal("archived", "stage paper is archived", field="stage", fix="choose one that is in use")
NO_DEAL = Refusal("not_a_lead", "deal 'Acme' is no lead", fix="use win")
USE_CONVERT = Refusal("use_convert", "a lead is won by converting it", fix="use convert")
REASON = Refusal(
    "reason_required", "closing as lost needs a reason", field="reason", fix="one of: price, silence"
)
OTHER_REASON = Refusal(
    "reason_unknown", "'mood' is not a reason for lost", field="reason", fix="one of: price, silence"
)
GONE = Refusal(
    "unknown_stage",
    "deal 'Acme' is on stage gone, which sales no longer has",
    fix="migrate the pipeline, or archive stages instead of removing them",
)
SKIP = Refusal("no_transition", "there is no way from new to contract", field="to", fix="possible: offer")
SEVERAL = Refusal(
    "ambiguous", "from a there are several ways forward", field="to", fix="move to one of: b, c"
)
LAST = Refusal("last_stage", "there is no stage after contract", fix="win it, or move elsewhere")
ENTRY = Refusal("entry", "sales starts on new, not on contract", field="stage", fix="start on new")
FOR_DEALS = Refusal("wrong_kind", "sales is a pipeline for deals", field="pipeline")
FOR_LEADS = Refusal("wrong_kind", "intake is a pipeline for leads", field="pipeline")
THERE = Refusal("same_pipeline", "deal 'Acme' is in sales already", fix="use move")
BLANK: dict[str, Any] = {"override": True, "actor": SYSTEM, "reason": " "}
OPEN, LOST = a_deal(), a_deal(close=closed())

NAMED = Pipeline(
    "named",
    [Stage("a"), Stage("b")],
    moves=[
        Transition("a", "b", name="send"),
        Transition("a", "lost", name="drop"),
        Transition("b", "won", name="sign"),
    ],
    close_reasons={"lost": [CloseReason("price", "Too dear"), "silence"]},
)
SIGNED = Pipeline("signed", [Stage("a")], kind="lead", moves=[Transition("a", "won", name="sign")])

NOES: dict[str, tuple[Pipeline, Placed, Request, str, tuple[Refusal, ...]]] = {
    "a skip": (SALES, OPEN, asked("move", target="contract"), "contract", (SKIP,)),
    "several ways": (FORK, a_deal(stage="a", pipeline="fork"), asked("advance"), "", (SEVERAL,)),
    "the end": (SALES, a_deal(stage="contract"), asked("advance"), "", (LAST,)),
    "a close by its name, without a reason": (
        NAMED, a_deal(pipeline="named", stage="a"), asked("move", target="drop"), "drop", (REASON,)
    ),
    "a lead won by the name of the close": (
        SIGNED, a_lead(pipeline="signed", stage="a"), asked("move", target="sign"), "sign", (USE_CONVERT,)
    ),
    "a win with no way to it": (
        NAMED, a_deal(pipeline="named", stage="a"), asked("win"), "",
        (Refusal("no_transition", "there is no way from a to won", field="to",
                 fix="possible: send, b, drop"),),
    ),
    "a stage that is gone": (SALES, a_deal(stage="gone"), asked("move", target="new"), "new", (GONE,)),
    "a win from a stage that is gone": (SALES, a_deal(stage="gone"), asked("win"), "", (GONE,)),
    "nowhere to go": (
        FORK, a_deal(stage="c", pipeline="fork"), asked("move", target="b"), "b",
        (Refusal("no_transition", "there is no way from c to b", field="to"),),
    ),
    "several possible": (
        SALES, a_deal(stage="offer"), asked("move", target="elsewhere"), "elsewhere",
        (Refusal("no_transition", "there is no way from offer to elsewhere", field="to",
                 fix="possible: contract, new"),),
    ),
    "an archived stage": (
        SALES, OPEN, asked("move", target="paper"), "paper",
        (Refusal("no_transition", "there is no way from new to paper", field="to", fix="possible: offer"),),
    ),
    "an archived stage by force": (
        SALES, OPEN, asked("move", target="paper", override=True, reason="so"), "paper", (ARCHIVED,)
    ),
    "force without who and why": (
        SALES, OPEN, asked("move", target="contract", **BLANK), "contract", (NAMELESS, BAREFACED)
    ),
    "a move of what is closed": (SALES, LOST, asked("move", target="offer"), "offer", (CLOSED,)),
    "a move of what is closed, by blank force": (
        SALES, LOST, asked("move", target="offer", **BLANK), "offer", (NAMELESS, BAREFACED, CLOSED)
    ),
    "a win of what is lost": (SALES, LOST, asked("win"), "", (CLOSED,)),
    "a second loss without a reason": (SALES, LOST, asked("lose"), "", (CLOSED, REASON)),
    "no reason": (SALES, OPEN, asked("lose"), "", (REASON,)),
    "an unknown reason": (SALES, OPEN, asked("lose", reason="mood"), "", (OTHER_REASON,)),
    "an unknown reason by force": (
        SALES, OPEN, asked("lose", reason="mood", override=True), "", (OTHER_REASON,)
    ),
    "a lead won": (LEADS, a_lead(pipeline="intake"), asked("win"), "", (USE_CONVERT,)),
    "a deal converted": (SALES, OPEN, asked("convert"), "", (NO_DEAL,)),
    "what is open reopened": (
        SALES, OPEN, asked("reopen"), "", (Refusal("not_closed", "deal 'Acme' is open already"),)
    ),
    "what is open reopened, by blank force": (
        SALES, OPEN, asked("reopen", **BLANK), "",
        (NAMELESS, BAREFACED, Refusal("not_closed", "deal 'Acme' is open already")),
    ),
    "a start on a later stage": (SALES, a_deal(stage="contract"), asked("create"), "contract", (ENTRY,)),
    "a start on an archived stage": (SALES, a_deal(stage="paper"), asked("create"), "paper", (ARCHIVED,)),
    "a start on an archived stage by blank force": (
        SALES, a_deal(stage="paper"), asked("create", **BLANK), "paper", (ARCHIVED, NAMELESS, BAREFACED)
    ),
    "a start by blank force": (
        SALES, OPEN, asked("create", **BLANK), "new", (NAMELESS, BAREFACED)
    ),
    "a lead among deals": (SALES, a_lead(), asked("create"), "new", (FOR_DEALS,)),
    "a deal among leads": (LEADS, OPEN, asked("capture"), "new", (FOR_LEADS,)),
    "a deal among leads, on an archived stage": (
        LEADS, a_deal(stage="old"), asked("create"), "old",
        (FOR_LEADS, Refusal("archived", "stage old is archived", field="stage", fix=ARCHIVED.fix)),
    ),
    "a transfer to where it is": (
        SALES, OPEN, asked("transfer", destination=SALES, target="offer"), "offer", (THERE,)
    ),
    "a transfer with everything against it": (
        SALES, LOST, asked("transfer", destination=SALES, target="paper", **BLANK), "paper",
        (NAMELESS, BAREFACED, CLOSED, THERE, ARCHIVED),
    ),
    "a deal transferred to leads": (
        SALES, OPEN, asked("transfer", destination=LEADS, target="new"), "new", (FOR_LEADS,)
    ),
    "an edit by blank force": (
        SALES, OPEN, asked("edit", edits={"name": "New"}, **BLANK), "", (NAMELESS, BAREFACED)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NOES)
def test_every_no_in_its_words(case: str) -> None:
    """Code, sentence, field and fix of each refusal, in this order; nothing else comes of a no."""
    pipeline, record, request, target, refusals = NOES[case]
    decision = decide(pipeline, record, request)
    assert decision.verdict == Verdict(request.verb, refusals, target)
    assert (decision.record, decision.move, decision.overruled) == (None, None, ())


# Who decided on this deal, as it was before, and what every row of it carries.
DEAL = a_deal(
    version=3,
    stage="offer",
    visited=("new", "offer"),
    moves=2,
    entered_at=AT + timedelta(hours=1),
    updated_at=AT + timedelta(hours=1),
    owner="sam",
    value=Money(500, "EUR"),
    source="fair",
    campaign="spring",
)
ACT: dict[str, Any] = {"note": "well", "cause": "bulk", "key": "k1"}
FIRST = {"furthest_before": "offer", "at": LATER, "since": DEAL.entered_at, "created": AT, "seq": 3}
CARRIED: dict[str, Any] = {
    **FIRST,
    "source": "offer",
    "fingerprint": SALES.fingerprint,
    "actor": "kim",
    "cause": "bulk",
    "note": "well",
    "owner": "sam",
    "value": Money(500, "EUR"),
    "probability": 0.5,  # that of the stage it leaves
    "lead_source": "fair",
    "campaign": "spring",
    "key": "k1",
}
PLACED: dict[str, Any] = {"version": 4, "moves": 3, "entered_at": LATER, "updated_at": LATER}


def ended(outcome: Any, reason: str = "", text: str = "") -> Close:
    """Return a closing by Kim, with a note."""
    return Close(outcome=outcome, reason=reason, reason_text=text, note="well", at=LATER, by="kim")


YESES: dict[str, tuple[Deal, Request, dict[str, Any], dict[str, Any]]] = {
    "forward": (
        DEAL,
        asked("move", target="contract", **ACT),
        {"stage": "contract", "visited": ("new", "offer", "contract")},
        {"target": "contract", "direction": "forward", "first": True, "furthest_after": "contract"},
    ),
    "back": (
        DEAL,
        asked("move", target="new", **ACT),
        {"stage": "new"},
        {"target": "new", "direction": "back", "first": False, "furthest_after": "offer"},
    ),
    "won": (
        attrs.evolve(DEAL, probability=0.9),
        asked("win", reason="cheap", **ACT),
        {"visited": ("new", "offer", "won"), "close": ended("won", "cheap", "cheap")},
        {
            "target": "won", "direction": "close", "first": True, "furthest_after": "won",
            "reason": "cheap", "reason_text": "cheap", "probability": 0.9,
        },
    ),
    "lost": (
        DEAL,
        asked("lose", reason="price", **ACT),
        {"visited": ("new", "offer", "lost"), "close": ended("lost", "price", "Too dear")},
        {
            "target": "lost", "direction": "close", "first": True, "furthest_after": "offer",
            "reason": "price", "reason_text": "Too dear",
        },
    ),
    "void": (
        DEAL,
        asked("void", **ACT),
        {"visited": ("new", "offer", "void"), "close": ended("void")},
        {"target": "void", "direction": "close", "first": True, "furthest_after": "offer"},
    ),
    "reopened": (
        attrs.evolve(DEAL, close=closed(), visited=("new", "offer", "lost")),
        asked("reopen", **ACT),
        {"visited": ("new", "offer", "lost"), "close": None},
        {
            "source": "lost", "target": "offer", "direction": "reopen", "first": False,
            "furthest_after": "offer",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("case", YESES)
def test_every_yes_with_all_that_follows(case: str, sealed: bool) -> None:
    """The record changes in these fields and no other; the row carries these facts, and a seal if asked."""
    before, request, fields, row = YESES[case]
    request = Request(
        **{name: getattr(request, name) for name in attrs.fields_dict(Request)} | {"sealed": sealed}
    )
    decision = decide(SALES, before, request)
    expected = a_move(**CARRIED | row)
    seal = seal_of("", expected) if sealed else ""
    assert decision.verdict == Verdict(request.verb, (), request.target)
    assert decision.move == a_move(**CARRIED | row | {"seal": seal})
    assert decision.record == attrs.evolve(before, **PLACED | fields | {"seal": seal})
    assert decision.overruled == ()


def test_a_creation_with_all_that_follows() -> None:
    """The draft becomes version 1 on its stage; its row came from nowhere and ends no stay."""
    draft = a_deal(
        version=9, visited=(), moves=0, owner="sam", value=Money(5, "EUR"), source="fair", campaign="x"
    )
    request = asked("create", reason="asked", note="well", key="k1", at=AT)
    decision = decide(SALES, draft, request)
    assert decision.verdict == Verdict("create", (), "new")
    assert decision.overruled == ()
    assert decision.record == attrs.evolve(draft, version=1, visited=("new",), moves=1)
    assert decision.move == a_move(
        fingerprint=SALES.fingerprint, actor="kim", cause="user", reason="asked", note="well", key="k1",
        owner="sam", value=draft.value, lead_source="fair", campaign="x",
    )  # fmt: skip


def test_a_creation_by_force_names_what_it_passed_over() -> None:
    """A start on a later stage is overruled; a sealed one begins a chain."""
    draft = a_deal(stage="contract", visited=(), moves=0)
    request = asked("create", override=True, reason="late", at=AT, sealed=True)
    decision = decide(SALES, draft, request)
    row = a_move(
        fingerprint=SALES.fingerprint, actor="kim", reason="late", overruled="entry", target="contract",
        furthest_after="contract",
    )  # fmt: skip
    assert decision.verdict == Verdict("create", (), "contract")
    assert decision.overruled == (ENTRY,)
    assert decision.move == attrs.evolve(row, seal=seal_of("", row))
    assert decision.record.seal == seal_of("", row)


@pytest.mark.parametrize("sealed", [False, True])
def test_a_transfer_with_all_that_follows(sealed: bool) -> None:
    """The record is in the other pipeline; its row is of that one, and the furthest is counted there."""
    history = (
        a_move(pipeline="care", target="ticket"),
        a_move(seq=2, pipeline="care", target="bill"),
        a_move(seq=3, pipeline="sales", target="offer"),
    )
    request = asked("transfer", destination=CARE, target="visit", reason="moved", sealed=sealed, **ACT)
    decision = decide(SALES, DEAL, request, Facts(history=history))
    row = a_move(
        **CARRIED
        | {
            "pipeline": "care", "source_pipeline": "sales", "fingerprint": CARE.fingerprint,
            "target": "visit", "direction": "transfer", "first": True, "reason": "moved",
            "furthest_before": "bill", "furthest_after": "bill",
        }
    )  # fmt: skip
    seal = seal_of("", row) if sealed else ""
    assert decision.verdict == Verdict("transfer", (), "visit")
    assert decision.overruled == ()
    assert decision.move == attrs.evolve(row, seal=seal)
    assert decision.record == attrs.evolve(
        DEAL, **PLACED, pipeline="care", stage="visit", visited=("ticket", "bill", "visit"), seal=seal
    )


def test_a_chain_goes_on_unasked() -> None:
    """A sealed record's next row is sealed behind its last seal, in a transfer as in a move."""
    sealed = attrs.evolve(DEAL, seal="5e" * 16)
    for request in (asked("win"), asked("transfer", destination=CARE, target="ticket")):
        decision = decide(SALES, sealed, request)
        assert decision.move is not None
        assert (
            decision.move.seal
            == seal_of("5e" * 16, attrs.evolve(decision.move, seal=""))
            == decision.record.seal
        )


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (asked("assign", owner="kim"), {"owner": "kim"}),
        (asked("edit", edits={"name": "New", "owner": "sam"}), {"name": "New"}),
    ],
)
def test_an_edit_changes_its_fields_alone(request_: Request, fields: dict[str, Any]) -> None:
    """A new version with the new values and the time; no row, no other stay."""
    decision = decide(SALES, DEAL, request_)
    assert decision.verdict == Verdict(request_.verb, (), "")
    assert decision.record == attrs.evolve(DEAL, **fields, version=4, updated_at=LATER)
    assert (decision.move, decision.overruled) == (None, ())


@pytest.mark.parametrize(
    ("record", "request_", "verdict"),
    [
        (DEAL, asked("move", target="offer"), Verdict("move", (), "offer")),
        (DEAL, asked("assign", owner="sam"), Verdict("assign")),
        (DEAL, asked("edit", edits={"name": "Acme"}), Verdict("edit")),
        (DEAL, asked("log"), Verdict("log")),
        (a_lead(close=closed("won")), asked("convert"), Verdict("convert")),
    ],
)
def test_what_is_so_already_is_a_yes_to_nothing(record: Placed, request_: Request, verdict: Verdict) -> None:
    """The same record comes back, and nothing is to be written."""
    decision = decide(SALES, record, request_)
    assert decision.record is record
    assert (decision.verdict, decision.move, decision.overruled) == (verdict, None, ())


# -- rules ------------------------------------------------------------------------------------------


NEVER = Refusal("never", "not today")
STRICT = Pipeline(
    "strict",
    [Stage("a"), Stage("b"), Stage("c")],
    rules=rule(on=["move", "create", "transfer", "edit", "win", "lose"], name="never")(lambda deal: NEVER),
)


@pytest.mark.parametrize(
    ("verb", "details", "target"),
    [
        ("move", {"target": "b"}, "b"),
        ("win", {}, ""),
        ("create", {}, "a"),
        ("transfer", {"destination": CARE, "target": "visit"}, "visit"),
        ("edit", {"edits": {"name": "New"}}, ""),
    ],
)
def test_a_rule_is_obeyed_or_overruled(verb: str, details: dict[str, Any], target: str) -> None:
    """Its no is the verdict; by force it is a yes that names the rule, in the row if there is one."""
    deal = a_deal(pipeline="strict", stage="a", visited=("a",))
    no = decide(STRICT, deal, asked(verb, **details))
    assert no.verdict == Verdict(verb, (NEVER,), target)
    assert (no.record, no.move) == (None, None)
    yes = decide(STRICT, deal, asked(verb, override=True, reason="so", **details))
    assert yes.verdict == Verdict(verb, (), target)
    assert yes.overruled == (NEVER,)
    assert (yes.move.overruled if yes.move else "never") == "never"
    assert yes.record.version == (1 if verb == "create" else 2)


def test_a_rule_and_the_entry_refuse_a_start_together() -> None:
    """Both are told; where moves are free one may start anywhere."""
    ordered = attrs.evolve(STRICT, moves="ordered")
    entry = Refusal("entry", "strict starts on a, not on b", field="stage", fix="start on a")
    assert decide(ordered, a_deal(pipeline="strict", stage="b"), asked("create")).verdict.refusals == (
        NEVER,
        entry,
    )
    assert decide(CARE, a_deal(pipeline="care", stage="bill"), asked("create")).verdict


def test_a_win_by_force_needs_no_way() -> None:
    """It is won, and the row says what was passed over."""
    decision = decide(NAMED, a_deal(pipeline="named", stage="a"), asked("win", override=True, reason="so"))
    assert decision.move is not None
    assert (decision.move.target, decision.move.overruled) == ("won", "no_transition")
    assert decision.record.outcome == "won"


def test_a_transfer_to_a_stage_seen_before_is_no_first_visit() -> None:
    """The visits of that pipeline are as they were."""
    history = (a_move(pipeline="care", target="ticket"), a_move(seq=2, pipeline="care", target="bill"))
    request = asked("transfer", destination=CARE, target="bill")
    decision = decide(SALES, DEAL, request, Facts(history=history))
    assert decision.move is not None
    assert (decision.record.visited, decision.move.first) == (("ticket", "bill"), False)


def test_both_pipelines_refuse_a_transfer() -> None:
    """The rules of the one it leaves and of the one it enters are asked, in this order."""
    other = Refusal("full", "we are full")
    full = Pipeline("full", [Stage("x")], rules=rule(on="transfer", name="full")(lambda deal: other))
    deal = a_deal(pipeline="strict", stage="a")
    decision = decide(STRICT, deal, asked("transfer", destination=full, target="x"))
    assert decision.verdict == Verdict("transfer", (NEVER, other), "x")


@pytest.mark.parametrize(
    ("verb", "close", "details", "source", "target"),
    [
        ("create", None, {}, "", "a"),
        ("capture", None, {}, "", "a"),
        ("move", None, {"target": "b"}, "a", "b"),
        ("lose", None, {}, "a", "lost"),
        ("reopen", closed(), {}, "lost", "a"),
        ("transfer", None, {"destination": CARE, "target": "visit"}, "a", "visit"),
        ("assign", None, {"owner": "sam"}, "a", ""),
        ("edit", None, {"edits": {"name": "New"}}, "a", ""),
    ],
)
def test_a_rule_is_told_everything(
    verb: str, close: Close | None, details: dict[str, Any], source: str, target: str
) -> None:
    """Record, pipeline, verb, places, who, when and why, and the facts that were loaded."""
    seen: list[dict[str, Any]] = []

    @rule(on=[verb], name="look")
    def look(
        *, record: Any, pipeline: Any, verb: Any, source: Any, target: Any, actor: Any, at: Any, reason: Any,
        note: Any, owner: Any, edits: Any, activities: Any, history: Any, contact: Any, company: Any,
    ) -> None:  # fmt: skip
        seen.append(dict(locals()))

    kind, made = ("lead", a_lead) if verb == "capture" else ("deal", a_deal)
    pipeline = Pipeline("p", [Stage("a"), Stage("b")], rules=look, kind=kind)  # type: ignore[arg-type]
    deal = made(pipeline="p", stage="a", visited=("a",), close=close)
    call = Activity(id="t1", record="d1", kind="call", pipeline="p", stage="a", at=AT, by="kim")
    facts: dict[str, Any] = {
        "activities": (call,), "history": (a_move(),), "contact": a_contact(), "company": a_company(),
    }  # fmt: skip
    decide(pipeline, deal, asked(verb, reason="so", note="well", **details), Facts(**facts))
    for each in seen:
        each.pop("seen")
    assert seen == [
        {
            "record": deal, "pipeline": pipeline, "verb": verb, "source": source, "target": target,
            "actor": KIM, "at": LATER, "reason": "so", "note": "well",
            "owner": details.get("owner", ""), "edits": details.get("edits", {}), **facts,
        }
    ]  # fmt: skip


# -- before the gate is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "meant"),
    [("new", asked("move", target="offer")), ("offer", asked("move", target="contract")), ("contract", None)],
)
def test_an_advance_is_a_move_forward(stage: str, meant: Request | None) -> None:
    """To the next stage in use; at the end it stays what it is."""
    request = asked("advance")
    assert resolved(SALES, a_deal(stage=stage), request) == (meant or request)


def test_an_advance_with_two_ways_stays_one() -> None:
    """Nobody chooses for the caller."""
    assert resolved(FORK, a_deal(pipeline="fork", stage="a"), asked("advance")) == asked("advance")


@pytest.mark.parametrize(
    ("verb", "reason", "meant"),
    [
        ("lose", "Too dear", "price"),
        ("lose", "price", "price"),
        ("lose", "silence", "silence"),
        ("lose", "mood", "mood"),
        ("win", "Too dear", "Too dear"),
        ("edit", "Too dear", "Too dear"),
    ],
)
def test_a_label_means_its_reason(verb: str, reason: str, meant: str) -> None:
    """Where the pipeline has a reason of that label for this outcome, its id is meant; else what was said."""
    assert resolved(SALES, OPEN, asked(verb, reason=reason)) == asked(verb, reason=meant)


def test_a_close_by_its_name_takes_a_label_too() -> None:
    """A named transition into "lost" is a close like any other; a named one between stages is none."""
    named = Pipeline(
        "named",
        [Stage("a"), Stage("b")],
        moves=[Transition("a", "b", name="send"), Transition("a", "lost", name="drop")],
        close_reasons={"lost": [CloseReason("price", "Too dear")]},
    )
    deal = a_deal(pipeline="named", stage="a")
    drop = asked("move", target="drop", reason="Too dear")
    assert resolved(named, deal, drop) == attrs.evolve(drop, reason="price")
    for target in ("send", "b", "elsewhere"):
        request = asked("move", target=target, reason="Too dear")
        assert resolved(named, deal, request) == request


def asks(*names: str, **where: Any) -> Any:
    """Return a rule that asks for some facts."""
    texts = {
        "contact": lambda contact: None,
        "company": lambda company: None,
        "history": lambda history: None,
        "activities": lambda activities: None,
    }
    return [rule(name=name, **where)(texts[name]) for name in names]


@pytest.mark.parametrize(
    ("verb", "details", "needed"),
    [
        ("move", {"target": "b"}, {"contact", "company"}),
        ("move", {"target": "c"}, {"contact"}),
        ("win", {}, {"history"}),
        ("lose", {}, set()),
        ("edit", {}, {"activities"}),
        ("assign", {}, set()),
        ("create", {}, set()),
        ("transfer", {"destination": CARE, "target": "visit"}, {"history"}),
    ],
)
def test_only_what_the_rules_ask_for_is_needed(verb: str, details: dict[str, Any], needed: set[str]) -> None:
    """By verb and by target; a transfer always needs the history, for the visits to the new pipeline."""
    rules = [
        *asks("contact", on="move"),
        *asks("company", on="move", target="b"),
        *asks("history", on="win"),
        *asks("activities", on="edit"),
    ]
    pipeline = Pipeline("p", [Stage("a"), Stage("b"), Stage("c")], rules=rules)
    deal = a_deal(pipeline="p", stage="a")
    assert facts_needed(pipeline, deal, asked(verb, **details)) == needed


def test_a_transfer_needs_what_both_pipelines_ask_for() -> None:
    """The one it leaves and the one it enters."""
    left = Pipeline("left", [Stage("a")], rules=asks("contact", on="transfer"))
    entered = Pipeline("entered", [Stage("a")], rules=asks("company", on="transfer"))
    request = asked("transfer", destination=entered, target="a")
    assert facts_needed(left, a_deal(pipeline="left", stage="a"), request) == {
        "contact",
        "company",
        "history",
    }


@pytest.mark.parametrize("verb", ["lose", "void"])
def test_what_is_on_a_stage_that_is_gone_can_be_given_up(verb: str) -> None:
    """By the rules of such a close, which may ask for facts as well; nothing is lifted."""
    no = rule(on=verb, name="no")(lambda contact: NEVER)
    pipeline = Pipeline("p", [Stage("a"), Stage("b")], rules=no)
    gone = a_deal(pipeline="p", stage="gone", visited=("gone",))
    assert facts_needed(pipeline, gone, asked(verb)) == {"contact"}
    assert decide(pipeline, gone, asked(verb)).verdict.refusals == (NEVER,)
    decision = decide(CARE, gone, asked(verb))
    assert decision.move is not None
    assert (decision.move.furthest_before, decision.move.furthest_after) == ("", "")


def test_a_way_back_from_a_stage_that_is_gone_lifts() -> None:
    """By force, onto the first stage: whatever it visited before does not count any more."""
    gone = a_deal(pipeline="care", stage="gone", visited=("gone",))
    decision = decide(CARE, gone, asked("move", target="ticket", override=True, reason="so"))
    assert decision.move is not None
    assert (decision.move.furthest_before, decision.move.furthest_after) == ("", "ticket")
    assert decision.move.overruled == "unknown_stage"


def test_of_several_ways_the_first_that_passes_is_taken() -> None:
    """If none passes, each no is told once, and force goes the first way."""
    other = Refusal("other", "not so")
    first = rule(name="first")(lambda deal: None if deal.owner == "kim" else NEVER)
    second = rule(name="second")(lambda deal: None if deal.owner == "sam" else NEVER)
    third = rule(name="third")(lambda deal: None if deal.owner == "sam" else other)
    pipeline = Pipeline(
        "p",
        [Stage("a"), Stage("b"), Stage("c")],
        moves=[
            Transition("a", "b", name="go", rules=first),
            Transition("a", "c", name="go", rules=[second, third]),
        ],
    )

    def gone(owner: str, **details: Any) -> Any:
        deal = a_deal(pipeline="p", stage="a", visited=("a",), owner=owner)
        return decide(pipeline, deal, asked("move", target="go", **details))

    assert (gone("kim").record.stage, gone("kim").verdict) == ("b", Verdict("move", (), "go"))
    assert gone("sam").record.stage == "c"
    assert gone("").verdict == Verdict("move", (NEVER, other), "go")
    forced = gone("", override=True, reason="so")
    assert (forced.record.stage, forced.move.overruled) == ("b", "never,other")


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 39 + "…"), (200, "x" * 39 + "…")])
def test_a_long_name_is_cut(length: int, shown: str) -> None:
    """Sentences show forty characters of it at most."""
    verdict = decide(SALES, a_deal(name="x" * length), asked("reopen")).verdict
    assert verdict.refusals[0].sentence == f"deal '{shown}' is open already"


def test_a_sentence_names_the_kind() -> None:
    """A lead is called a lead."""
    verdict = decide(LEADS, a_lead(pipeline="intake"), asked("reopen")).verdict
    assert verdict.refusals[0].sentence == "lead 'Acme' is open already"


def test_amending_with_what_is_there_changes_nothing() -> None:
    """The same record; one new value among old ones is a new version at that time."""
    assert amended(DEAL, {"name": "Acme", "owner": "sam"}, LATER) is DEAL
    assert amended(DEAL, {"name": "Acme", "owner": "kim"}, LATER) == attrs.evolve(
        DEAL, owner="kim", version=4, updated_at=LATER
    )
