"""Pipelines as pictures."""

from __future__ import annotations

import re

from funnelkit.stages import Pipeline, Stage, Transition, requires, rule


def test_the_picture_shows_everything_a_pipeline_says() -> None:
    """The way in one line, then the stages, the transitions, the reasons and the rules."""

    @rule(on=("win", "assign"))
    def careful(deal: object) -> None:
        """Somebody must have looked at it.

        More text that the picture leaves out.
        """

    made = Pipeline(
        "sales",
        [
            Stage("new", "Новая", probability=0.055, limit="36h", steps=("call", "mail")),
            Stage("old", archived=True),
            Stage("offer", requires=("value", "contact"), rules=requires("owner")),
        ],
        label="Опт",
        moves=[
            Transition("new", "offer", name="send"),
            Transition("*", "new", rules=requires("owner")),
            Transition("old", "offer"),
        ],
        close_reasons={"lost": {"price": "Цена"}},
        rules=careful,
    )
    assert str(made).splitlines() == [
        "sales 'Опт': new → offer → won | lost | void",
        "  pipeline of deals; the transitions listed below",
        "  new    'Новая', 5.5%, at most 1d12h, steps call and mail",
        "  old    archived",
        "  offer  needs value and contact, rule requires(owner)",
        "  new → offer  send",
        "  any stage → new  [requires(owner)]",
        "  old → offer",
        "  lost because: Цена",
        "  rule careful (on assign, win): Somebody must have looked at it.",
    ]


def test_the_repr_is_one_line() -> None:
    """A pipeline in a list or a traceback shows its id and its way."""
    assert repr(Pipeline("sales", [Stage("a"), Stage("b")])) == "Pipeline('sales': a → b)"


def test_mermaid_draws_listed_transitions_with_their_names() -> None:
    """Every transition between stages, and to a win, is an arrow."""
    moves = [Transition("a", "b", name="go"), Transition("b", "a"), Transition("b", "won", name="sign")]
    drawn = Pipeline("s", [Stage("a"), Stage("b")], moves=moves).mermaid().splitlines()
    arrows = [line.strip() for line in drawn if "-->" in line]
    assert arrows == ["[*] --> s0", "s0 --> s1 : go", "s1 --> s0", "s1 --> won : sign"]


def test_mermaid_draws_an_ordered_pipeline_along_its_order() -> None:
    """Steps back are told, not drawn."""
    made = Pipeline("s", [Stage("a", can_win=False), Stage("b", can_win=False), Stage("c")], moves="ordered")
    arrows = [line.strip() for line in made.mermaid().splitlines() if "-->" in line]
    assert arrows == ["[*] --> s0", "s0 --> s1", "s1 --> s2", "s2 --> won"]
    assert "one step forward, any step back" in made.mermaid()


def test_mermaid_syntax_in_labels_is_escaped() -> None:
    """A label cannot end its quotes or start a comment."""
    drawn = Pipeline("s", [Stage("a", 'say "x"; %% <b> #1')]).mermaid()
    label = re.search(r'state "(.*)" as s0', drawn)
    assert label is not None
    assert label[1] == "say #34;x#34;#59; #37;#37; #60;b#62; #35;1"
