"""Ready pipelines to start from. Each function returns a `Pipeline`; change it as any value.

``language="ru"`` gives Russian labels; ids stay the same, so code and reports do too.
"""

from __future__ import annotations

from typing import Literal

from funnelkit.stages.pipeline import Pipeline
from funnelkit.stages.stage import Stage

__all__ = ["aida", "lead_intake", "long_b2b", "shop_order", "short_b2c"]

Language = Literal["en", "ru"]


def aida(language: Language = "en") -> Pipeline:
    """Attention, interest, desire, action: the oldest picture of a sale.

    >>> aida().stage_ids
    ('attention', 'interest', 'desire', 'action')
    """
    return Pipeline(
        "aida",
        [
            Stage("attention", _in(language, "Attention", "Внимание"), probability=0.1),
            Stage("interest", _in(language, "Interest", "Интерес"), probability=0.25),
            Stage("desire", _in(language, "Desire", "Желание"), probability=0.5),
            Stage("action", _in(language, "Action", "Действие"), probability=0.8),
        ],
        label="AIDA",
    )


def shop_order(language: Language = "en") -> Pipeline:
    """An order of a shop: one step after the other, and won only when it is paid for.

    >>> shop_order().table.words("new")
    ('confirmed', 'lost', 'void')
    """
    return Pipeline(
        "shop_order",
        [
            Stage("new", _in(language, "New", "Новый"), limit="1d", can_win=False),
            Stage("confirmed", _in(language, "Confirmed", "Подтверждён"), can_win=False),
            Stage("processing", _in(language, "Processing", "В обработке"), can_win=False),
            Stage("sent", _in(language, "Sent", "Отправлен"), can_win=False),
            Stage("paid", _in(language, "Paid", "Оплачен")),
        ],
        label=_in(language, "Shop order", "Заказ магазина"),
        moves="ordered",
        close_reasons={
            "lost": {
                "cancelled": _in(language, "Cancelled by the customer", "Отменён покупателем"),
                "out_of_stock": _in(language, "Out of stock", "Нет в наличии"),
                "returned": _in(language, "Returned", "Возврат"),
            },
            "void": {
                "duplicate": _in(language, "Duplicate", "Дубль"),
                "test": _in(language, "Test", "Проверка"),
            },
        },
    )


def short_b2c(language: Language = "en") -> Pipeline:
    """A quick sale to a consumer: engage, order, deliver.

    >>> print(short_b2c("ru").stages[0].label)
    Привлечение
    """
    return Pipeline(
        "short_b2c",
        [
            Stage("engage", _in(language, "Engage", "Привлечение"), probability=0.2),
            Stage("order", _in(language, "Order", "Заказ"), probability=0.7, requires="value"),
            Stage("deliver", _in(language, "Deliver", "Доставка"), probability=0.95),
        ],
        label=_in(language, "Short sale", "Короткая продажа"),
        close_reasons={"lost": _lost(language), "void": _void(language)},
    )


def long_b2b(language: Language = "en") -> Pipeline:
    """A long sale to a company, from the first inquiry to the shipment.

    >>> long_b2b().stage("proposal").requires
    ('value', 'company')
    """
    return Pipeline(
        "long_b2b",
        [
            Stage("new", _in(language, "New", "Новая"), probability=0.05, limit="3d"),
            Stage(
                "qualification",
                _in(language, "Qualification", "Квалификация"),
                probability=0.15,
                limit="14d",
                steps=("need", "budget", "decision_maker"),
            ),
            Stage(
                "proposal",
                _in(language, "Proposal", "Предложение"),
                probability=0.3,
                limit="14d",
                requires=("value", "company"),
            ),
            Stage("presentation", _in(language, "Presentation", "Презентация"), probability=0.5, limit="21d"),
            Stage("contract", _in(language, "Contract", "Договор"), probability=0.7, limit="30d"),
            Stage("payment", _in(language, "Payment", "Оплата"), probability=0.9, limit="30d"),
            Stage("shipment", _in(language, "Shipment", "Отгрузка"), probability=0.98),
        ],
        label=_in(language, "Corporate sale", "Корпоративная продажа"),
        moves="ordered",
        close_reasons={"lost": _lost(language), "void": _void(language)},
    )


def lead_intake(language: Language = "en") -> Pipeline:
    """What happens to an inquiry before it is a deal: register, assess, process.

    >>> lead_intake().kind
    'lead'
    """
    return Pipeline(
        "lead_intake",
        [
            Stage("register", _in(language, "Register", "Регистрация"), limit="1d"),
            Stage("assess", _in(language, "Assess", "Оценка"), limit="2d"),
            Stage("process", _in(language, "Process", "Обработка"), limit="7d"),
        ],
        kind="lead",
        label=_in(language, "Lead intake", "Приём обращений"),
        close_reasons={
            "lost": {
                "off_target": _in(language, "Off target", "Нецелевое"),
                "erroneous": _in(language, "Erroneous", "Ошибочное"),
            },
            "void": _void(language),
        },
    )


def _in(language: Language, english: str, russian: str) -> str:
    return russian if language == "ru" else english


def _lost(language: Language) -> dict[str, str]:
    return {
        "price": _in(language, "Price", "Цена"),
        "competitor": _in(language, "Competitor", "Конкурент"),
        "no_need": _in(language, "No need", "Нет потребности"),
        "no_answer": _in(language, "No answer", "Нет ответа"),
    }


def _void(language: Language) -> dict[str, str]:
    return {"duplicate": _in(language, "Duplicate", "Дубль"), "test": _in(language, "Test", "Проверка")}
