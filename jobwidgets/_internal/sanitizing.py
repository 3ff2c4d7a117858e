"""Text from the service is text: made harmless before a person, a terminal or a page sees it."""

from __future__ import annotations

import html
import unicodedata

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_FORMS = ((2, "x"), (4, "u"), (8, "U"))
_JOINERS = frozenset("\u200c\u200d")  # letters of several scripts, and most emoji, need these two


def sanitize(text: object, limit: int = 200) -> str:
    """Show control, escape and bidirectional characters as escapes, and cut what is too long.

    Parameters
    ----------
    text : object
        Anything that came from the service; None gives an empty text.
    limit : int, default 200
        The most characters to show; a cut is marked by an ellipsis.
    """
    if text is None:
        return ""
    raw = str(text)
    if len(raw) <= limit and raw.isascii() and raw.isprintable():
        return raw
    cut = len(raw) > limit
    shown = "".join(
        char if char in _JOINERS or unicodedata.category(char) not in _HIDDEN else _escape(char) for char in raw[:limit]
    )
    return shown + "…" if cut else shown


def sanitize_html(text: object, limit: int = 200) -> str:
    """Do the same as `sanitize`, escaped for HTML text and quoted attributes."""
    return html.escape(sanitize(text, limit), quote=True)


def _escape(char: str) -> str:
    code = ord(char)
    if char in "\n\r\t":
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}[char]
    digits, letter = next((digits, letter) for digits, letter in _FORMS if code < 16**digits)
    return f"\\{letter}{code:0{digits}x}"
