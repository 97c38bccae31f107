"""What an application writes with Django's ORM and django-fsm-2.

The decorated method decides; the update checks the version; the history is a row of its own in the
same transaction. Pragmas are those of the other contenders.
"""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import django
from django.conf import settings
from sales import STEPS, Durability

settings.configure(
    INSTALLED_APPS=[],
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
)
django.setup()

from django.db import connections, models, transaction  # noqa: E402 (models want settings)
from django.utils import timezone  # noqa: E402
from django_fsm import FSMField, transition  # noqa: E402

STAGES = ("new", *STEPS)


def owned(deal: Deal) -> bool:
    """Whether somebody is in charge."""
    return bool(deal.owner)


class Deal(models.Model):  # noqa: DJ008 (nobody prints it)
    """A deal, and what may become of it."""

    id = models.UUIDField(primary_key=True, default=uuid4)
    version = models.IntegerField(default=1)
    name = models.CharField(max_length=200)
    owner = models.CharField(max_length=200)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    stage = FSMField(default="new", protected=True, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """In which application it is."""

        app_label = "bench"

    @transition(field=stage, source="new", target="qualified", conditions=[owned])
    def to_qualified(self) -> None:
        """Somebody has talked to them."""

    @transition(field=stage, source="qualified", target="proposal", conditions=[owned])
    def to_proposal(self) -> None:
        """They have a quote."""

    @transition(field=stage, source="proposal", target="contract", conditions=[owned])
    def to_contract(self) -> None:
        """They have a contract to sign."""


class History(models.Model):  # noqa: DJ008 (nobody prints it)
    """One move of one deal."""

    deal = models.ForeignKey(Deal, on_delete=models.CASCADE)
    source = models.CharField(max_length=50)
    target = models.CharField(max_length=50)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)

    class Meta:
        """In which application it is."""

        app_label = "bench"


class Application:
    """Deals in a file of their own. Django has one at a time."""

    def __init__(self, path: Path, durability: Durability) -> None:
        pragmas = (
            f"PRAGMA journal_mode = WAL; PRAGMA cache_size = -65536; "
            f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}"
        )
        connections["default"].close()
        connections["default"].settings_dict.update(
            NAME=str(path), OPTIONS={"transaction_mode": "IMMEDIATE", "init_command": pragmas}
        )
        with connections["default"].schema_editor() as editor:
            editor.create_model(Deal)
            editor.create_model(History)

    def fill(self, deals: int) -> list[str]:
        """Create deals; return their ids."""
        rows = [Deal(name=f"deal {n}", owner="sam", amount=1000 + n, currency="EUR") for n in range(deals)]
        Deal.objects.bulk_create(rows)
        return [str(row.id) for row in rows]

    def move(self, id: str, target: str, actor: str) -> None:
        """Move one deal."""
        with transaction.atomic():
            deal, now = Deal.objects.get(pk=id), timezone.now()
            source = deal.stage
            getattr(deal, f"to_{target}")()
            # One UPDATE that checks the version costs less than save() does.
            found = Deal.objects.filter(pk=deal.pk, version=deal.version)
            if not found.update(stage=deal.stage, version=deal.version + 1, updated_at=now):
                raise ValueError(id)
            History.objects.create(deal=deal, source=source, target=target, at=now, actor=actor)

    def written(self) -> tuple[int, int]:
        """Return how many deals are on the last stage, and how many rows of history there are."""
        return Deal.objects.filter(stage=STAGES[-1]).count(), History.objects.count()

    def close(self) -> None:
        """Let go of the file."""
        connections["default"].close()
