"""Colours of the page, and the style block that only adds what cannot stand inline: dark mode and narrow windows.

Mail programs drop style blocks (Gmail's app with other accounts, Outlook), so the page is complete without it.
"""

from typing import NamedTuple

from maillogsentinel.report.verdict import ATTACK, CRITICAL, MORE, QUIET, UNKNOWN, USUAL


class Colours(NamedTuple):
    """Background and text; empty: that of what is around it."""

    background: str
    text: str
    dark_background: str
    dark_text: str


PAGE, CARD, MUTED, LINK, NEW, BAR, BAR_NOW = "pg", "cd", "mu", "ln", "nw", "ba", "bn"
HEAT = ("h0", "h1", "h2", "h3", "h4", "h5")
"""From none to most."""
LEVEL = {CRITICAL: "vc", ATTACK: "va", MORE: "vm", USUAL: "vu", QUIET: "vq", UNKNOWN: "vn"}
SEVERITY = {"critical": "vc", "warning": "va", "notice": "mu"}

COLOURS = {
    PAGE: Colours("#f2f4f6", "#1c2733", "#12161a", "#e4e9ee"),
    CARD: Colours("#ffffff", "#1c2733", "#1b2127", "#e4e9ee"),
    MUTED: Colours("", "#55616e", "", "#a7b2bd"),
    LINK: Colours("", "#1f5d99", "", "#8cc0f0"),
    NEW: Colours("", "#8f4300", "", "#ffb877"),
    BAR: Colours("#5b8fc4", "#1c2733", "#4d86c0", "#e4e9ee"),
    BAR_NOW: Colours("#1f5d99", "#ffffff", "#9cccf7", "#12161a"),
    "h0": Colours("", "#55616e", "", "#a7b2bd"),
    "h1": Colours("#e6f0f9", "#1c2733", "#1d2f40", "#e4e9ee"),
    "h2": Colours("#c5dcf1", "#1c2733", "#1f4464", "#ffffff"),
    "h3": Colours("#93bee5", "#1c2733", "#28608f", "#ffffff"),
    "h4": Colours("#3572ad", "#ffffff", "#6fb0e8", "#12161a"),
    "h5": Colours("#173f68", "#ffffff", "#c6e2fb", "#12161a"),
    "vc": Colours("", "#a3151b", "", "#ff9d97"),
    "va": Colours("", "#9a3c00", "", "#ffb877"),
    "vm": Colours("", "#735500", "", "#e8ca6a"),
    "vu": Colours("", "#1f5d99", "", "#8cc0f0"),
    "vq": Colours("", "#23683f", "", "#85d3a2"),
    "vn": Colours("", "#55616e", "", "#a7b2bd"),
}
"""By class. Text on its own background, or on a card's, has a contrast of at least 4.5 (WCAG 2.2, 1.4.3)."""

RULE, DARK_RULE = "#dfe4e9", "#36404a"
FONT = "font-family:-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif"
NARROW = "(max-width:720px)"


def inline(name: str) -> str:
    """Return the declarations of a class for a style attribute."""
    colours = COLOURS[name]
    background = f"background:{colours.background};" if colours.background else ""
    return f"{background}color:{colours.text}"


def style_block() -> str:
    """Return what the style element holds."""
    dark = []
    for name, colours in COLOURS.items():
        background = f"background:{colours.dark_background}!important;" if colours.dark_background else ""
        dark.append(f".{name}{{{background}color:{colours.dark_text}!important}}")
    edges = [
        f".e{name}{{border-left-color:{COLOURS[name].dark_text}!important}}" for name in sorted(set(LEVEL.values()))
    ]
    lines = f".{CARD},.ru td,.ru th{{border-color:{DARK_RULE}!important}}"
    return (
        ":root{color-scheme:light dark;supported-color-schemes:light dark}"
        f"@media (prefers-color-scheme:dark){{{lines}{''.join(dark)}{''.join(edges)}}}"
        f"@media {NARROW}{{.{CARD}{{padding:14px 12px!important}}.bs{{margin:0!important}}"
        ".c2{max-width:none!important;padding-right:0!important}}"
    )
