"""Fonts for names that the default font has no signs for, out of those that are installed."""

from collections.abc import Iterable
from pathlib import Path

BASE = "DejaVu Sans"  # comes with matplotlib
FALLBACK = "NotoSans*-Regular.*"  # a file for each script


def families(texts: Iterable[str]) -> list[str]:
    """Font families that together have a sign for each character that any installed font has.

    matplotlib's own list of fonts is as old as its cache, so new ones are added to it here.
    """
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    wanted = {sign for text in texts for sign in text if not sign.isspace()}
    base = FT2Font(font_manager.findfont(BASE))
    missing = {sign for sign in wanted if not base.get_char_index(ord(sign))}
    found = [BASE]
    if not missing:
        return found
    paths = [path for path in map(Path, font_manager.findSystemFonts()) if path.match(FALLBACK)]
    for path in sorted(paths, key=lambda path: path.name):
        font = FT2Font(path)
        known = {sign for sign in missing if font.get_char_index(ord(sign))}
        if known:
            if font.family_name not in font_manager.fontManager.get_font_names():
                font_manager.fontManager.addfont(path)
            found.append(font.family_name)
            missing -= known
    return found
