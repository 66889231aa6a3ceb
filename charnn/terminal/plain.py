"""Text made harmless: no character of a corpus, a file or an option moves the cursor, hides or reorders anything."""

import unicodedata

MAX_MESSAGE = 400  # characters of a message
JOINERS = "\u200c\u200d"  # that scripts and emoji are written with
HARMFUL = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # control, format (bidirectional too), surrogates, separators of lines


def visible(text: str, keep: str = "") -> str:
    """Text with every control, bidirectional or other harmful character spelled out, but those to `keep`."""
    if (text := decoded(text)).isprintable():
        return text
    return "".join(c if c in keep or not _harmful(c) else c.encode("unicode_escape").decode() for c in text)


def decoded(text: str) -> str:
    """A name as it is in UTF-8, where a narrow locale left its bytes alone."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text


def _harmful(character: str) -> bool:
    return unicodedata.category(character) in HARMFUL and character not in JOINERS


def shortened(text: str, most: int) -> str:
    """At most so many characters: of a longer text the beginning and the end."""
    if len(text) <= most:
        return text
    half = (most - 5) // 2
    return f"{text[: most - 5 - half]} ... {text[-half:]}"


def message(text: str, beside: int = 0) -> str:
    """One line for a reader, whatever a file or an option put into it, `beside` so many characters of others."""
    return shortened(visible(text), MAX_MESSAGE - beside)
