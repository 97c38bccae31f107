"""Stores around stores: for reading only, with a cache, with copies."""
