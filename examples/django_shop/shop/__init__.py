"""A shop in Django: winning a deal places the order, both in one transaction, or neither.

Run it with ``django-admin migrate`` and ``django-admin runserver``, both with ``--settings settings
--pythonpath .`` behind them.
"""
