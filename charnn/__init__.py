"""Character-level recurrent networks: train, sample and evaluate them from the shell or from Python.

>>> import charnn
>>> session = charnn.train("corpora/names.txt", hidden=64, epochs=5, out=None)  # doctest: +SKIP
>>> for event in session: ...  # doctest: +SKIP
>>> charnn.generate(session.run, 5, temp=0.8)  # doctest: +SKIP

All public names are those of `charnn.api`. That module, and with it NumPy, is imported when the first of them is used.
"""

from typing import TYPE_CHECKING

from .version import __version__ as __version__

if TYPE_CHECKING:
    from .api import *  # noqa: F403
else:

    def __getattr__(name: str):
        from importlib import import_module
        from importlib.util import find_spec

        private = name.startswith("__") and name != "__all__"  # what Python itself looks for
        if private or find_spec(f"{__name__}.{name}"):  # a module, which is imported if it is no attribute
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        if find_spec("fcntl") is None:
            raise ImportError("charnn needs fcntl, which this Python lacks: on Windows use the Subsystem for Linux")
        api = import_module(f"{__name__}.api")
        if name == "__all__" or name in api.__all__:
            return getattr(api, name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__():
        return __getattr__("__all__")
