"""Designs of an installed package."""

import learnable_corpus
from click.testing import CliRunner

from affuse.cli import main
from affuse.data.options.command_groups import RECORD
from affuse.fuse.commands import design_training
from affuse.fuse.settings import Settings

DESIGN = """
import torch
from torch import nn

MODALITIES = ("audio", "text")

class Fusion(nn.Module):
    def __init__(self, dims, *, hidden, targets, dropout=0.0):
        super().__init__()
        self.out = nn.Linear(sum(dims.values()), targets)

    def forward(self, codes):
        return self.out(torch.cat([codes[m] for m in MODALITIES], dim=1))
"""


SETTINGS = Settings(latent=4, autoencoder_hidden=8, hidden=8, epochs=1)


def call(*words):
    command = main.commands[words[0]]  # it may hold parameters of another test
    command.params, command.record = [], getattr(command.callback, RECORD)
    return CliRunner().invoke(main, [str(word) for word in words])


def train(runs, fusion="loose"):
    return design_training.run(
        learnable_corpus.corpus(),
        learnable_corpus.embeddings(),
        fusion=fusion,
        settings=SETTINGS,
        seeds=[0],
        runs=runs,
        progress=False,
    )
