"""The table of orders, and those of funnelkit."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from funnelkit import SQLiteStore


def create_tables(_: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Make funnelkit's tables beside ours. On PostgreSQL: open ``PostgresStore(url)`` once."""
    SQLiteStore.create_tables(editor.connection.connection)


class Migration(migrations.Migration):
    """What ``makemigrations`` writes, and one operation more."""

    initial = True
    operations = (
        migrations.RunPython(create_tables, migrations.RunPython.noop),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        primary_key=True, serialize=False, auto_created=True, verbose_name="ID"
                    ),
                ),
                ("deal", models.CharField(max_length=80, unique=True, verbose_name="сделка")),
                ("total", models.DecimalField(decimal_places=2, max_digits=14, verbose_name="сумма")),
            ],
            options={"verbose_name": "заказ"},
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(condition=models.Q(("total__gt", 0)), name="total_is_positive"),
        ),
    )
