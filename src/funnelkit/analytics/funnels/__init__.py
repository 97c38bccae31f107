"""Funnels: how many records got how far, under named definitions."""
