"""Mappings for the tables that other systems export; see `funnelkit.tables.mapping.TableMapping`."""
