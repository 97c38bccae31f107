"""Two shops: whose order is it, who may see it, and who gets the client's next one.

python examples/shop_claims.py
"""

from __future__ import annotations

from datetime import UTC, date, datetime

from funnelkit import Engine, FrozenClock, Pipeline, Stage, money
from funnelkit.errors import NotFoundError, RefusedError
from funnelkit.intake.source import Source
from funnelkit.people import (
    FirstOf,
    Group,
    Organisation,
    Person,
    PersonalManager,
    Scope,
    Target,
    handovers,
)

NAMES = {"anna": "Анна", "boris": "Борис", "vera": "Вера"}
orders = Pipeline(
    "orders",
    [Stage("new", "Новый"), Stage("packed", "Собран"), Stage("sent", "Отправлен")],
    label="Заказы",
)
people = Organisation(
    [Person(id, name) for id, name in NAMES.items()],
    [Group("tea", members=["anna", "boris"], head="vera")],
)
MANAGER = FirstOf([PersonalManager()])  # the client's own manager; nobody, if they have none
shops = [
    Source(id="tea.example", label="Чайная лавка", storefront="tea", sharing=MANAGER),
    Source(id="books.example", label="Книжный", storefront="books", sharing=MANAGER),
]
clock = FrozenClock(datetime(2026, 3, 2, 9, tzinfo=UTC))
engine = Engine(orders, clock=clock, organisation=people, sources=shops)

# What one may see: one's own, and in one's own shops what nobody has taken yet.
SCOPE = Scope.own() | (Scope.unclaimed() & Scope.storefront())
eyes = {
    "anna": engine.seen_by("anna", SCOPE, storefronts=["tea"]),
    "boris": engine.seen_by("boris", SCOPE, storefronts=["tea", "books"]),
    "vera": engine.seen_by("vera", Scope.own() | Scope.headed()),
}


def who_sees_what(when: str) -> None:
    """Print the orders that each of the three sees."""
    print(when)
    for person, seen in eyes.items():
        names = [f"{deal.name} ({deal.owner or 'свободен'})" for deal in seen.find("deal", outcome="open")]
        print(f"  {NAMES[person]:6} {', '.join(names) or '—'}")


client = engine.create_contact("Мария Кузнецова", email="maria@example.org")
tea = engine.create("Чай, 2 кг", source="tea.example", contact=client, value=money(3400, "RUB"))
clock.tick("1h")
engine.create("Атлас", source="books.example", value=money(1900, "RUB"))
who_sees_what("Два новых заказа, ничьи:")

tea = eyes["anna"].claim(tea.id)
engine.assign(client, "anna", actor="anna")
try:
    engine.claim(tea.id, actor="boris")
except RefusedError as refused:
    print(f"\nБорис опоздал: {refused.verdict.refusals[0].sentence}")
try:
    eyes["boris"].get(tea.id)
except NotFoundError:
    print("Борис её заказа больше не видит: для него такого заказа нет\n")
who_sees_what("Анна взяла чай:")

clock.tick("2d")
again = engine.create("Чайник", source="tea.example", contact=client, value=money(2100, "RUB"))
print(f"\nКлиент пришёл снова, заказ сразу у неё: {again.owner}")
print(f"  {engine.activities(again)[0].custom['owner']}")

engine.win(tea, actor="anna")
clock.tick("1h")
engine.assign(again, "boris", actor="vera", reason="отпуск")
engine.win(again.id, actor="boris")
print(f"\nКто кому передал и почему:\n{handovers(engine)}")

plan = Target("Март", "orders", date(2026, 3, 1), date(2026, 4, 1), measure="sum", amount=money(10000, "RUB"))
print(f"\n{engine.achieved(plan.split({'tea': 1}).split({'anna': 2, 'boris': 1}, 'tea'))}")
