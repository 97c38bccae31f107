"""Rules of your own: who may do what, when, and what the user is told instead.

python examples/custom_rules.py
"""

from __future__ import annotations

from funnelkit import Actor, Deal, Engine, Pipeline, Refusal, Stage, money, only_roles, rule
from funnelkit.errors import RefusedError

ALONE = 20  # per cent that anybody may grant


@rule(on="win")
def big_discounts_need_a_manager(deal: Deal, actor: Actor) -> Refusal | None:
    """Deals discounted by more than 20 % are closed by a manager."""
    discount = deal.custom.get("discount", 0)
    if discount > ALONE and "manager" not in actor.roles:
        return Refusal("needs_manager", f"a {discount} % discount needs a manager", fix="ask one to close it")
    return None


@rule(on="move", target="contract")
def contracts_name_a_price(deal: Deal) -> Refusal | None:
    """No contract without a value."""
    return None if deal.value else Refusal("no_price", "a contract names a price", field="value")


sales = Pipeline(
    "sales",
    [Stage("new"), Stage("offer"), Stage("contract")],
    moves="ordered",
    rules=[big_discounts_need_a_manager, contracts_name_a_price, only_roles("manager", on="void")],
)
sam, kim = Actor("sam"), Actor("kim", roles={"manager"})

engine = Engine(sales)
deal = engine.create("Navy, 300 seats", custom={"discount": 25})
deal = engine.advance(deal, actor=sam)

print("What can Sam do?")
for option in engine.next(deal, actor=sam):
    print(f"  {'yes' if option.verdict else 'no ':4}{option}")

try:
    engine.advance(deal, actor=sam)
except RefusedError as error:
    for refusal in error.verdict.refusals:
        print(f"\nThe form shows at field {refusal.field!r}: {refusal.sentence}")

deal = engine.edit(deal, value=money(90_000, "EUR"), actor=sam)
deal = engine.advance(deal, actor=sam)
print("\nSam: ", engine.can(deal, "win", actor=sam))
print("Kim: ", engine.can(deal, "win", actor=kim))

# Whoever takes the responsibility may overrule a rule; the ledger keeps who, why and which rule.
deal = engine.win(deal, actor=sam, override=True, reason="Kim agreed on the phone")
print("\n" + "\n".join(map(str, engine.history(deal))))

# A rule is still the function it was, so a test of it needs no engine.
print("\nAlone:", big_discounts_need_a_manager(deal, sam))
