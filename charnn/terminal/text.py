"""Text for rich in which no character moves the cursor, hides or reorders anything."""

import os
import shutil
from typing import Any

from rich.text import Text as RichText

from .plain import visible

__all__ = "RichText", "Text", "dumb_size"
KEPT = "\n\t"  # characters that only begin a line, or leave a gap


def dumb_size() -> tuple[int | None, int | None]:
    """The columns and lines of a dumb terminal, which rich takes for 80 x 25; None for any other terminal."""
    if os.environ.get("TERM", "").lower() not in ("dumb", "unknown"):
        return None, None
    columns, lines = shutil.get_terminal_size()
    return columns, lines


class Text(RichText):
    """A `rich.text.Text` whose harmful characters are spelled out. All that a terminal shows is made of these."""

    def __init__(self, text: str = "", style: Any = "", **more: Any):
        super().__init__(visible(text, KEPT), style, **more)

    def append(self, text: Any, style: Any = None) -> "Text":
        """Add text at the end."""
        super().append(visible(text, KEPT) if isinstance(text, str) else text, style)
        return self
