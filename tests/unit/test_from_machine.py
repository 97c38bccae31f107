"""Adopting classes written for python-statemachine."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from statemachine import Event, HistoryState, State, StateChart, StateMachine

from funnelkit.errors import DefinitionError, InputError
from funnelkit.records import Actor, Close, Deal, FrozenMapping
from funnelkit.stages import Pipeline, Stage, Transition
from funnelkit.stages.inject import Scene

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def is_large(deal: Deal) -> bool:
    """Only large deals need a demo."""
    return bool(deal.custom.get("large"))


def is_manager(actor: Actor) -> None:
    """Refuse everybody who is no manager."""
    if "manager" not in actor.roles:
        message = f"{actor.id} is no manager"
        raise PermissionError(message)


class Sales(StateMachine):
    """A hand-written machine with every kind of guard."""

    new = State("Новая", initial=True)
    demo = State()
    offer = State()
    won = State(final=True)
    dead = State(final=True)

    advance = new.to(demo, cond=is_large) | new.to(offer, unless=is_large) | demo.to(offer)
    sign = offer.to(won, validators=is_manager)
    give_up = new.to(dead) | demo.to(dead) | offer.to(dead)


def deal(stage: str = "new", **fields: Any) -> Deal:
    """Return a deal on a stage."""
    custom = FrozenMapping(fields.pop("custom", {}))
    times = {"created_at": NOON, "entered_at": NOON, "updated_at": NOON}
    return Deal(id="d", pipeline="sales", stage=stage, name="Acme", custom=custom, **times, **fields)


def adopted() -> Pipeline:
    """Return the pipeline made of `Sales`."""
    return Pipeline.from_machine(Sales, outcomes={"dead": "lost"})


def test_states_become_stages_with_their_labels() -> None:
    """The order is that of the class; names the library made up are no labels."""
    assert adopted().stages == (Stage("new", "Новая"), Stage("demo"), Stage("offer"))
    assert adopted().id == "sales"


def test_events_become_named_transitions_in_order() -> None:
    """Each event of each transition is a named way, tried in the order of the class."""
    made = adopted()
    moves = made.moves
    assert isinstance(moves, tuple)
    assert [(move.source, move.target, move.name) for move in moves] == [
        ("new", "demo", "advance"),
        ("new", "offer", "advance"),
        ("new", "lost", "give_up"),
        ("demo", "offer", "advance"),
        ("demo", "lost", "give_up"),
        ("offer", "won", "sign"),
        ("offer", "lost", "give_up"),
    ]
    assert [edge.target for edge in made.table.edges["new", "advance"]] == ["demo", "offer"]


def test_conditions_and_validators_become_rules() -> None:
    """A false condition, a true ``unless`` and a raising validator are refusals that say why."""
    edges = adopted().table.edges
    large, small = Scene(record=deal(custom={"large": True})), Scene(record=deal())
    to_demo, to_offer = edges["new", "advance"]
    assert [rule(large) for rule in to_demo.rules] == [None]
    assert [str(rule(small)) for rule in to_demo.rules] == ["Only large deals need a demo. (is_large)"]
    assert [str(rule(large)) for rule in to_offer.rules] == ["Only large deals need a demo. (not_is_large)"]
    (sign,) = edges["offer", "sign"]
    assert [str(rule(Scene(actor=Actor("sam")))) for rule in sign.rules] == ["sam is no manager (is_manager)"]
    assert [rule(Scene(actor=Actor("ann", {"manager"}))) for rule in sign.rules] == [None]


def test_adopting_twice_gives_equal_pipelines() -> None:
    """Also with guards: they compare by their functions."""
    assert adopted() == adopted()
    assert hash(adopted()) == hash(adopted())


def test_wins_are_those_of_the_machine() -> None:
    """A stage without a way to won in the machine has none in the pipeline."""
    assert {place for place, word in adopted().table.edges if word == "won"} == {"offer"}


def guard(deal: Deal) -> bool:
    """Agree always."""
    return bool(deal)


def by_model(model: Any) -> bool:
    """Ask for something only machines know."""
    return bool(model)


def by_source(source: Any) -> bool:
    """Ask for something that means another thing to a machine."""
    return bool(source)


async def later(deal: Deal) -> bool:
    """Answer later."""
    return bool(deal)


class Listener:
    """Hears of everything."""


def odd_machines() -> dict[str, tuple[type, str]]:
    """Return machines that a flat table cannot honour, and what is said of each."""

    class Nested(StateMachine):
        class new(State.Compound):  # noqa: N801
            inner = State(initial=True)

        won = State(final=True)
        go = new.to(won)

    class Parallel(StateMachine):
        class new(State.Parallel):  # noqa: N801
            class one(State.Compound):  # noqa: N801
                x = State(initial=True)

            class two(State.Compound):  # noqa: N801
                y = State(initial=True)

        won = State(final=True)
        go = new.to(won)

    class History(StateMachine):
        start = State(initial=True)

        class new(State.Compound):  # noqa: N801
            inner = State(initial=True)
            past = HistoryState()

        won = State(final=True)
        go = start.to(new) | new.to(won)

    class Eventless(StateMachine):
        new, won = State(initial=True), State(final=True)
        new.to(won)

    class Delayed(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = Event(new.to(won), delay=5)

    class Chart(StateChart):
        new, won = State(initial=True), State(final=True)
        go = new.to(won)

    class Inline(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won, on=lambda: None)

    class Conventional(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won)

        def on_enter_won(self) -> None: ...

    class AnyTransition(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won)

        def after_transition(self) -> None: ...

    class Prepared(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won)

        def prepare_event(self) -> dict[str, Any]:
            return {}

    class Invoking(StateMachine):
        new, won = State(initial=True, invoke=lambda: None), State(final=True)
        go = new.to(won)

    class Listening(StateMachine):
        listeners = [Listener]  # noqa: RUF012
        new, won = State(initial=True), State(final=True)
        go = new.to(won)

    class ByName(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won, cond="fits")
        fits = True

    class Method(StateMachine):
        new, won = State(initial=True), State(final=True)

        def fits(self) -> bool:
            return True

        go = new.to(won, cond=fits)

    class Modelled(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won, cond=by_model)

    class Sourced(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won, cond=by_source)

    class Later(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won, cond=later)

    class Reopening(StateMachine):
        new, won = State(initial=True), State()
        go = new.to(won)
        back = won.to(new)

    class Staying(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = new.to(won)
        stay = new.to.itself()

    class NoWin(StateMachine):
        new, lost = State(initial=True), State(final=True)
        go = new.to(lost)

    class LateStart(StateMachine):
        other, new, won = State(), State(initial=True), State(final=True)
        go = new.to(other) | other.to(won)

    class OtherFinal(StateMachine):
        new, won, done = State(initial=True), State(final=True), State(final=True)
        go = new.to(won) | new.to(done)

    class GuardedLoss(StateMachine):
        new, won, lost = State(initial=True), State(final=True), State(final=True)
        go = new.to(won)
        drop = new.to(lost, cond=guard)

    class Stopping(StateMachine):
        new, offer, won = State(initial=True), State(), State(final=True)
        go = new.to(offer, validators=guard) | new.to(won) | offer.to(won)

    class OddEvent(StateMachine):
        new, won = State(initial=True), State(final=True)
        go = Event(new.to(won), id="go.fast")

    return {
        "nested": (Nested, "new: holds other states"),
        "parallel": (Parallel, "new: holds other states"),
        "history": (History, "new: holds other states"),
        "eventless": (Eventless, "fires without an event"),
        "delayed": (Delayed, "event 'go' is delayed or internal"),
        "chart": (Chart, "derive it from StateMachine"),
        "inline action": (Inline, "is an action"),
        "conventional action": (Conventional, "won: 'on_enter_won' is an action"),
        "action of any transition": (AnyTransition, "'after_transition' is an action"),
        "prepare": (Prepared, "'prepare_event' is an action"),
        "invoke": (Invoking, "new: "),
        "listeners": (Listening, "listeners: are called with every event"),
        "guard by name": (ByName, "guard 'fits' is given by name"),
        "guard as method": (Method, "guard 'fits' is a method of the machine"),
        "guard of the model": (Modelled, "model: is nothing that a rule can ask for"),
        "guard of the source": (Sourced, "asks for 'source', a State there and a stage id here"),
        "asynchronous guard": (Later, "a rule answers at once"),
        "way out of an outcome": (Reopening, "won: has a way out"),
        "self-transition": (Staying, "leads to where it starts"),
        "no win": (NoWin, "has no state that means won"),
        "late start": (LateStart, "new: is initial but not the first stage"),
        "other final state": (OtherFinal, "done: is final, but no outcome"),
        "guarded loss": (GuardedLoss, "guards a loss"),
        "validator with a way behind it": (Stopping, "its validator stops 'go'"),
        "event with a dot": (OddEvent, "event 'go.fast' is not a slug"),
    }


ODD = odd_machines()


@pytest.mark.parametrize("case", ODD)
def test_what_a_table_cannot_honour_is_refused(case: str) -> None:
    """A machine that would behave otherwise as a pipeline is not adopted, and the reason is told."""
    machine, told = ODD[case]
    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_machine(machine)
    assert told in str(caught.value)


def test_all_reasons_are_told_at_once() -> None:
    """A machine with three obstacles tells three."""

    class Odd(StateMachine):
        new, won = State(initial=True), State()
        go = new.to(won, cond="fits", after=lambda: None)
        back = won.to(new)
        fits = True

    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_machine(Odd)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize("thing", [5, int, StateMachine, Sales.new])
def test_what_is_no_machine_is_refused(thing: Any) -> None:
    """Only a class with states can be adopted."""
    with pytest.raises(DefinitionError, match="is not a python-statemachine class"):
        Pipeline.from_machine(thing)


def test_a_misspelt_outcome_is_told() -> None:
    """The mapping names states of the machine and outcomes of funnelkit."""
    with pytest.raises(DefinitionError) as caught:
        Pipeline.from_machine(Sales, outcomes={"deat": "lost", "dead": "lose"})
    assert "did you mean 'dead'" in str(caught.value)
    assert "did you mean 'lost'" in str(caught.value)


# Live machines of our own


def test_bind_stands_where_the_record_is() -> None:
    """A live machine starts at the record's place and leaves the record alone."""
    made = Pipeline("s", [Stage("new"), Stage("demo"), Stage("offer")], moves="ordered")
    record = deal("demo")
    live = made.bind(record)
    live.send("to_offer")
    assert (live.model.state, live.model.record) == ("offer", record)


def test_bind_asks_the_rules() -> None:
    """What rules ask for is given by keyword."""
    made = Pipeline("s", [Stage("new", requires="value"), Stage("demo")])
    live = made.bind(deal("new"))
    with pytest.raises(live.TransitionNotAllowed):
        live.send("to_demo")


def test_bind_takes_a_closed_record() -> None:
    """A closed record stands on its outcome and can be reopened on a stage."""
    made = Pipeline("s", [Stage("new"), Stage("demo")])
    live = made.bind(deal("demo", close=Close(outcome="lost", at=NOON, by="sam")))
    assert live.model.state == "lost"
    live.send("to_demo")
    assert live.model.state == "demo"


def test_bind_refuses_a_record_of_elsewhere() -> None:
    """A stage that the pipeline does not have is an error with a suggestion, not a KeyError."""
    with pytest.raises(InputError, match="did you mean 'demo'"):
        Pipeline("s", [Stage("new"), Stage("demo")]).bind(deal("demos"))


def test_a_pipeline_can_be_adopted_from_plain_stages_and_transitions() -> None:
    """Adoption is nothing but a definition: written out by hand it is the same value."""

    class Plain(StateMachine):
        new, offer, won = State(initial=True), State(), State(final=True)
        quote = new.to(offer)
        sign = offer.to(won)

    by_hand = Pipeline(
        "plain",
        [Stage("new"), Stage("offer")],
        moves=[Transition("new", "offer", name="quote"), Transition("offer", "won", name="sign")],
    )
    assert Pipeline.from_machine(Plain) == by_hand
