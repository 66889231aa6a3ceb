"""What was measured on this machine, in a file of the user's cache. Without that file all is measured anew."""

import json
import os
from pathlib import Path
from typing import Any

from ..errors import CharnnError
from ..machine import environment
from .durable import replace
from .handle import read_text

MAX_BYTES = 10 << 20  # of such a file


class Remembered:
    """A JSON file with an object for each machine that the cache's folder was seen on."""

    def __init__(self, name: str, format: str):
        self.name, self.format = name, format

    @property
    def path(self) -> Path:
        """Where the file is. Raises `RuntimeError` where there is no home."""
        root = os.environ.get("XDG_CACHE_HOME", "")
        folder = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
        if not folder.is_absolute():
            raise RuntimeError("the home of this user is no absolute path")
        return folder / "charnn" / self.name

    def read(self) -> dict[str, Any]:
        """The file's content; an empty one for a file that is not there, or is none of ours."""
        try:
            found = json.loads(read_text(self.path, MAX_BYTES)) if self.path.is_file() else {}
        except (OSError, ValueError, RuntimeError):  # nested too deeply, too
            return {}
        return found if isinstance(found, dict) and found.get("format") == self.format else {}

    def write(self, known: dict[str, Any], here: Any) -> bool:
        """Write down what is known, with `here` as what this machine measured; whether that was possible."""
        content = json.dumps({**known, "format": self.format, machine_key(): here})
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            replace(self.path, lambda file: file.write(content.encode()))
        except (OSError, CharnnError, RuntimeError):  # there is no home, too
            return False
        return True


def machine_key() -> str:
    """All that what is measured depends on beside the work."""
    return " / ".join(environment().values())
