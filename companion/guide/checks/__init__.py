"""Checks of the exercises, one module a chapter: each prints what was proved, or what is not yet so."""
