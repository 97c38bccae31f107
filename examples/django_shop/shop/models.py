"""What the shop keeps itself, and its sales pipeline beside it."""

from django.db import models

from funnelkit import CloseReason, Engine, Pipeline, Stage
from funnelkit.changes import Change, DealWon

engine = Engine(
    Pipeline(
        "sales",
        [
            Stage("new", label="Новая заявка"),
            Stage("offer", label="Коммерческое предложение", requires="value"),
            Stage("contract", label="Договор"),
        ],
        label="Продажи",
        close_reasons={
            "lost": [CloseReason("price", "Слишком дорого"), CloseReason("silence", "Не отвечает")]
        },
    )
)
"""Its records are in the database of the shop: see `engine.using` in the views."""


class Order(models.Model):
    """An order, made of a deal that was won."""

    deal = models.CharField("сделка", max_length=80, unique=True)
    total = models.DecimalField("сумма", max_digits=14, decimal_places=2)

    class Meta:
        """An order of nothing is none."""

        verbose_name = "заказ"
        constraints = (models.CheckConstraint(condition=models.Q(total__gt=0), name="total_is_positive"),)

    def __str__(self) -> str:
        return f"Заказ {self.pk}: {self.total}"


congratulations: list[str] = []
"""Stands for a mail server."""


@engine.subscribe
def congratulate(change: Change) -> None:
    """Write to the client. This is called after the commit, so never for an order that is not there."""
    if isinstance(change, DealWon):
        congratulations.append(f"Спасибо за заказ! Сделка {change.record}")
