"""Where the metrics read: a store, or an engine that holds the tables of one."""

from funnelkit.analytics.sources.given import source_of

__all__ = ["source_of"]
