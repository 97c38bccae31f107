"""Hypothesis strategies: names, amounts and pipelines at random."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from funnelkit.money import Money
from funnelkit.testing.samples import TEXTS

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from funnelkit.stages import Pipeline, Stage

__all__ = ["amounts", "names", "pipelines"]


def names(max_size: int = 20) -> SearchStrategy[str]:
    """Return a strategy for what people call things, in any script, with the odd sign.

    >>> from hypothesis import given
    >>> @given(names())
    ... def check(name):
    ...     assert name.strip()
    >>> check()
    """
    from hypothesis import strategies as st

    odd = st.sampled_from([text for text in TEXTS if 0 < len(text.strip()) <= max_size])
    some = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=max_size)
    return odd | some.filter(str.strip)


def amounts(currencies: tuple[str, ...] = ("EUR", "JPY", "KWD")) -> SearchStrategy[Money]:
    """Return a strategy for exact money, negative amounts and the largest ones included.

    >>> from hypothesis import given
    >>> @given(amounts(("EUR",)))
    ... def check(amount):
    ...     assert amount.currency == "EUR"
    >>> check()
    """
    from hypothesis import strategies as st

    minor = st.integers(-(10**16), 10**16) | st.integers(-1_000, 1_000)
    return st.builds(Money, minor, st.sampled_from(currencies))


def pipelines(kind: Literal["deal", "lead"] = "deal", id: str = "sales") -> SearchStrategy[Pipeline]:
    """Return a strategy for small sound pipelines: free and ordered, with and without archived stages.

    >>> from hypothesis import given
    >>> @given(pipelines())
    ... def check(pipeline):
    ...     assert not pipeline.stage(pipeline.first).archived
    >>> check()
    """
    from hypothesis import strategies as st

    from funnelkit.stages import Pipeline, Stage

    def stages(archived: list[bool]) -> list[Stage]:
        return [Stage(f"s{number}", archived=gone) for number, gone in enumerate([False, *archived])]

    reasons = st.sampled_from([{}, {"lost": ["price", "no answer"]}, {"lost": "price", "void": "test"}])
    return st.builds(
        lambda archived, moves, reasons: Pipeline(
            id, stages(archived), kind=kind, moves=moves, close_reasons=reasons
        ),
        st.lists(st.booleans(), max_size=4),
        st.sampled_from(["free", "ordered"]),
        reasons,
    )
