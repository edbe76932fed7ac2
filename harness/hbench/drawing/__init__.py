"""Drawing batches of items that may meet: what samplers share, and strangers may build on.

First a source, then a language pair, then items, without replacement inside the batch. Everything
comes from Philox(seed, step), so any batch can be asked for at any time. Items that share a query
or a passage text in any language never meet: the other's answer, or its translation, would be a
false negative.

A sampler inherits ``DrawingOptions``, makes a ``Drawer`` of its items, asks it for a ``Menu`` of
language pairs, and returns the ``Series`` of batches that are drawn from it.
"""

from hbench.drawing.conflicts import shared_texts
from hbench.drawing.drawer import Drawer, Series
from hbench.drawing.menu import DrawingOptions, Exponent, Menu, Offer, Pairs

__all__ = [
    "Drawer",
    "DrawingOptions",
    "Exponent",
    "Menu",
    "Offer",
    "Pairs",
    "Series",
    "shared_texts",
]
