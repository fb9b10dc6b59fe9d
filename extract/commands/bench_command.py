"""Command line of the benchmarks of stage one and fine-tuning, the group ``bench``.

The benchmark of stage two is in `cli.py`, because this module does not import `fuse`.
"""

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Subgroup, takes
from affuse.data.terminal import say

if TYPE_CHECKING:
    from affuse.data.options.bench_options import (
        BenchDigests,
        BenchExtract,
        BenchFinetune,
    )


@click.group(cls=Subgroup)
def bench() -> None:
    """Measure speed, and compare it with the device's peak and with other programs."""


@bench.command("extract")
@takes("bench_options.BenchExtract")
def bench_extract(options: "BenchExtract") -> None:
    """Measure the speed of stage one on random inputs with IEMOCAP's lengths.

    The command compares four ways to run the same random weights: one input at a time,
    padded batches, a transformers pipeline, and stage one. The column "of the limit" is
    the model FLOPs utilisation (MFU), relative to the GEMM throughput that the command
    measures on the device.
    """
    from affuse.extract.bench import encoder_bench

    encoder_bench.bench(say, options)


@bench.command("digests")
@takes("bench_options.BenchDigests")
def bench_digests(options: "BenchDigests") -> None:
    """Measure the time that the digests of RUN cost.

    The command reads the tables and weights as `report` and `predict` do, and then
    again from a copy without digests.

    \b
      python cli.py bench digests runs/demo-early-speakers-0123abcd
    """
    from affuse.data import benchmarks

    benchmarks.bench(say, options.run, rounds=options.rounds)


@bench.command("finetune")
@takes("bench_options.BenchFinetune")
def bench_finetune(options: "BenchFinetune") -> None:
    """Measure the speed of fine-tuning on random utterances with IEMOCAP's lengths.

    The command trains the same random weights in two ways. The first is `finetune`,
    which computes the gradient of the loss over --loss-batch utterances in two passes.
    The second is an ordinary loop over padded batches of --batch utterances in random
    order, with one optimiser step for each batch. That loop runs each utterance forward
    once instead of twice, and makes more steps, so compare the time per utterance.

    The column "of the limit" is the model FLOPs utilisation (MFU): the operations of
    one forward and one backward pass without padding, relative to the GEMM throughput
    that the command measures on the device.
    """
    from affuse.extract.finetune.bench import finetune_bench

    finetune_bench.bench(say, options)
