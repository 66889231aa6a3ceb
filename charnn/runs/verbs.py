"""What a run is used for: the verbs of its task."""

from ..choices import TASKS
from ..errors import UsageError
from .run import Run


def assert_used_for(run: Run, verb: str) -> None:
    """Raise `UsageError` for a run whose task does not have this verb of the command line."""
    if verb not in (verbs := TASKS[run.task.task].verbs):
        others = [f"charnn {other}" for other in verbs if " " not in other]
        raise UsageError(
            f"charnn {verb} is not for a model of --task {run.task.task}, like {run.path or run.name}: "
            f"use {' or '.join(others)}, or name another model"
        )
