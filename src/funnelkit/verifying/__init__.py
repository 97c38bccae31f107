"""`verify`: everything in a store held against the rest of it."""

from funnelkit.verifying.findings import Finding
from funnelkit.verifying.verify import verified, verify

__all__ = ["Finding", "verified", "verify"]
