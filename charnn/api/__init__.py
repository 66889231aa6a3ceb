"""The public names, those of `names`, which is imported when the first of them is used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .names import *  # noqa: F403
else:

    def __getattr__(name: str):
        from importlib import import_module

        return getattr(import_module(f"{__name__}.names"), name)
