"""Money: an exact decimal amount and an ISO 4217 currency; never a float, never mixed.

Amounts are whole minor units (cents, kopecks), so they can be stored as integers and added up
exactly by any SQL engine. Nothing here converts one currency into another: sums are per currency.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import attrs

from funnelkit.errors import MoneyError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Context, Decimal

__all__ = ["CURRENCIES", "Money", "money", "totals"]

_TWO_DECIMALS = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE "
    "CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD "
    "HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK "
    "MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD "
    "RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH "
    "USD USN UYU UZS VED VES WST XCD XCG YER ZAR ZMW ZWG"
)
_NO_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMALS = "BHD IQD JOD KWD LYD OMR TND"
_FOUR_DECIMALS = "CLF UYW"

CURRENCIES: dict[str, int] = {
    code: decimals
    for decimals, codes in (
        (2, _TWO_DECIMALS),
        (0, _NO_DECIMALS),
        (3, _THREE_DECIMALS),
        (4, _FOUR_DECIMALS),
    )
    for code in codes.split()
}
"""ISO 4217 currency code → number of decimals of its minor unit."""

_LIMIT = 10**16  # minor units; nine hundred such amounts still add up within 64 bits


@attrs.frozen(order=False, repr=False)
class Money:
    """An amount in one currency, kept in whole minor units. Make one with `money`, which reads amounts.

    Attributes:
        minor: 1250 for 12.50 EUR, 12 for 12 JPY.
        currency: An ISO 4217 code.

    Raises:
        MoneyError: The currency is unknown, or ``minor`` is no int.

    >>> money("12000", "EUR") + money("0.50", "EUR")
    Money('12,000.50 EUR')
    >>> Money(1250, "EUR").amount
    Decimal('12.50')
    """

    minor: int
    currency: str

    def __attrs_post_init__(self) -> None:
        if type(self.currency) is not str or self.currency not in CURRENCIES:
            _check_currency(self.currency, "currency")
        if type(self.minor) is not int:
            problem = f"{shown(self.minor)} is no whole number of minor units"
            raise MoneyError("minor", problem, 'write money("12000", "EUR")')

    @property
    def amount(self) -> Decimal:
        """The amount as people write it, with the currency's number of decimals."""
        from decimal import Decimal  # only where amounts are read or written by people

        return Decimal(f"{self.minor}E-{CURRENCIES[self.currency]}")  # exact, whatever the context

    def __add__(self, other: Money) -> Money:
        if not isinstance(other, Money):
            return NotImplemented
        if other.currency != self.currency:
            raise MoneyError(
                "value",
                f"{self} and {other} are of different currencies",
                "sum per currency with funnelkit.totals(...)",
            )
        return Money(self.minor + other.minor, self.currency)

    def __str__(self) -> str:
        return f"{self.amount:,} {self.currency}"

    def __repr__(self) -> str:
        return f"Money('{self}')"


def money(amount: Decimal | int | str, currency: str, argument: str = "value") -> Money:
    """Return exact Money.

    Args:
        amount: A Decimal, an int or text such as ``"12000.50"``.
        currency: An ISO 4217 code such as ``"EUR"``.
        argument: The name to use in an error.

    Raises:
        MoneyError: A float, not a number, an unknown currency, more decimals than the currency
            has, or more than 10¹⁶ minor units.

    >>> money(1500, "JPY"), money("9.5", "KWD")
    (Money('1,500 JPY'), Money('9.500 KWD'))
    """
    import decimal  # only where amounts are read or written by people

    if isinstance(amount, float):
        raise MoneyError(
            argument, f"{amount!r} is a float, which cannot hold an exact amount", f'write "{amount}"'
        )
    _check_currency(currency, argument)
    if not isinstance(amount, decimal.Decimal | int | str) or isinstance(amount, bool):
        raise MoneyError(argument, f"{shown(amount)} is not an amount", "give a Decimal, an int or text")
    try:
        exact = decimal.Decimal(amount)
    except (decimal.InvalidOperation, ValueError):
        raise MoneyError(argument, f"{shown(amount)} is not a number", 'write "1234.50"') from None
    decimals = CURRENCIES[currency]
    limit, context = _bounds(decimals)
    if not exact.is_finite() or not -limit <= exact <= limit:
        raise MoneyError(argument, f"{shown(amount)} {currency} is out of range")
    minor = exact.scaleb(decimals, context)
    if minor != int(minor):
        raise MoneyError(
            argument,
            f"{shown(amount)} {currency} has more decimals than {currency} has ({decimals})",
            "round it where you know how it should be rounded",
        )
    return Money(int(minor), currency)


@cache
def _bounds(decimals: int) -> tuple[Decimal, Context]:
    """Return the largest amount, and a context that rounds nothing whatever the caller's does."""
    from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

    return Decimal(f"{_LIMIT}E-{decimals}"), Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)


def _check_currency(currency: object, argument: str) -> None:
    if not isinstance(currency, str) or currency not in CURRENCIES:
        raise MoneyError(
            argument, f"{shown(currency)} is not an ISO 4217 currency", 'write "EUR", "RUB", "USD", …'
        )


def totals(amounts: Iterable[Money]) -> dict[str, Money]:
    """Add amounts up, each currency by itself.

    Returns:
        Currency code → Money, sorted by code; empty when there is nothing to add.

    >>> totals([money(1, "EUR"), money(2, "USD"), money(3, "EUR")])
    {'EUR': Money('4.00 EUR'), 'USD': Money('2.00 USD')}
    """
    sums: dict[str, Money] = {}
    for item in amounts:
        sums[item.currency] = sums[item.currency] + item if item.currency in sums else item
    return dict(sorted(sums.items()))
