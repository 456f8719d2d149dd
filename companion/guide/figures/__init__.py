"""Drawings: the sheet and its visual language, and the figures that are drawn with them."""
