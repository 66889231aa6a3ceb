"""torch, by its task: `torch_train` trains and evaluates, `torch_sample` samples."""

from pathlib import Path

from . import torch_sample, torch_train
from .contender import Entry, Job
from .torch_cells import torch


def make(entry: Entry, rank: int, folder: Path) -> Job:
    torch.set_num_threads(entry.threads)
    return torch_sample.make(entry) if entry.work.task == "sample" else torch_train.make(entry, rank, folder)
