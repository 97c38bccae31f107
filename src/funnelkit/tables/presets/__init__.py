"""Mappings for the tables that other systems export, with what they call their columns.

Each of `bitrix24`, `amocrm`, `hubspot`, `pipedrive`, `salesforce` and `zoho` has functions for the kinds of
record it exports, and `simple` has them for tables of one's own. They know the default columns; fields that
a company has added are listed as unknown, or kept with ``keep="custom"``. Names of stages are a company's
own, so ``places`` says what they mean here; the outcomes that a system names by itself are known.

>>> from funnelkit.tables.presets import hubspot
>>> deals = hubspot.deals(places={"Appointment scheduled": "new"}, currency="EUR", zone="UTC")
>>> deals.fields["place"].values["Closed won"], deals.fields["place"].values["Appointment scheduled"]
('won', 'new')
"""

from funnelkit.tables.presets import amocrm, bitrix24, hubspot, pipedrive, salesforce, simple, zoho

__all__ = ["amocrm", "bitrix24", "hubspot", "pipedrive", "salesforce", "simple", "zoho"]
