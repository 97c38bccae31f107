"""Whole numbers in proportion to weights, by the method of largest remainders (Hamilton, Hare).

Everybody gets their exact share rounded down. What is left over goes, one unit each, to those whose
share was cut the most; of equals, to the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction

from funnelkit.errors import InputError, shown
from funnelkit.inputs import text
from funnelkit.money import Money

__all__ = ["Amount", "Weight", "apportion", "currency", "like", "told", "units", "weighed"]

Amount = int | Money
"""A number of records, or a sum of money in one currency."""

Weight = int | Decimal | Fraction
"""How much of a whole somebody gets, beside the others; never a float."""

_LARGEST_EXPONENT = 100


def apportion(whole: int, weights: Mapping[str, Weight]) -> dict[str, int]:
    """Return whole numbers in proportion to weights that add up to the whole: largest remainders.

    Args:
        whole: What is shared out, 0 or more.
        weights: Name → weight, 0 or more, not all of them 0. The order decides between equals.

    Raises:
        InputError: The whole is no whole number from 0 on; a weight that is a float, below 0, or not
            finite; no weight above 0.

    >>> apportion(10, {"north": 1, "south": 1, "west": 1})
    {'north': 4, 'south': 3, 'west': 3}
    """
    if type(whole) is not int or whole < 0:
        raise InputError("whole", f"{shown(whole)} is not a whole number from 0 on")
    shares = weighed(weights)
    total = sum(shares.values())
    if not total:
        problem = "every weight is 0" if shares else "there is nobody to share with"
        raise InputError("weights", problem, "give at least one weight above 0")
    exact = {name: whole * share / total for name, share in shares.items()}
    parts = {name: int(share) for name, share in exact.items()}  # none is below 0: this rounds down
    left = whole - sum(parts.values())
    for name in sorted(exact, key=lambda name: parts[name] - exact[name])[:left]:  # equals keep their order
        parts[name] += 1
    return parts


def weighed(weights: Mapping[str, Weight]) -> dict[str, Fraction]:
    """Return the weights as exact fractions.

    Raises:
        InputError: A weight that is a float, below 0, or not finite.

    >>> weighed({"north": 3, "south": Decimal("0.5")})
    {'north': Fraction(3, 1), 'south': Fraction(1, 2)}
    """
    if not isinstance(weights, Mapping):
        raise InputError("weights", f"{shown(weights)} is not a mapping", 'give {"north": 3, "south": 2}')
    return {text(name, "weights", required=True): _weight(name, weights[name]) for name in weights}


def _weight(name: str, value: object) -> Fraction:
    argument = f"weights[{shown(name)}]"
    if isinstance(value, float):
        raise InputError(argument, f"{value!r} is a float", f'write Decimal("{value}") or whole numbers')
    if not isinstance(value, int | Decimal | Fraction) or isinstance(value, bool):
        raise InputError(argument, f"{shown(value)} is not a number", "give an int, a Decimal or a Fraction")
    if isinstance(value, Decimal) and not value.is_finite():
        raise InputError(argument, f"{value} is not a finite number")
    if isinstance(value, Decimal) and abs(value.adjusted()) > _LARGEST_EXPONENT:
        raise InputError(argument, f"{shown(value)} is out of range")  # exact, it would fill the memory
    if value < 0:
        raise InputError(argument, f"{shown(value)} is below 0")
    return Fraction(value)


def units(amount: Amount) -> int:
    """Return the whole number that an amount is: records, or minor units.

    >>> units(12), units(Money(1250, "EUR"))
    (12, 1250)
    """
    return amount.minor if isinstance(amount, Money) else amount


def like(units: int, amount: Amount) -> Amount:
    """Return an amount of so many units, of the kind that another one is.

    >>> like(5, 12), like(5, Money(1250, "EUR"))
    (5, Money('0.05 EUR'))
    """
    return Money(units, amount.currency) if isinstance(amount, Money) else units


def currency(amount: Amount) -> str:
    """Return the currency of an amount; empty for a number of records.

    >>> currency(12), currency(Money(1250, "EUR"))
    ('', 'EUR')
    """
    return amount.currency if isinstance(amount, Money) else ""


def told(amount: Amount) -> str:
    """Return an amount as people read it.

    >>> told(12_000), told(Money(1_250_000, "EUR"))
    ('12,000', '12,500.00 EUR')
    """
    return str(amount) if isinstance(amount, Money) else f"{amount:,}"
