"""The commands that measure speed; `cli.py` offers them as ``bench``.

That of stage two is in `cli.py` itself, for stage two is not known here.
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
    """Measure speed against the device's limit, and against other ways."""


@bench.command("extract")
@takes("bench_options.BenchExtract")
def bench_extract(options: "BenchExtract") -> None:
    """Measure stage one on made-up inputs of IEMOCAP's lengths.

    The same random weights one by one, in padded batches, in a transformers pipeline
    and as stage one runs them; "of the limit" is the arithmetic that the result needs
    against the rate of the device's own matrix products.
    """
    from affuse.extract.bench import encoder_bench

    encoder_bench.bench(say, options)


@bench.command("digests")
@takes("bench_options.BenchDigests")
def bench_digests(options: "BenchDigests") -> None:
    """Measure what the digests of RUN cost.

    Reads its tables and its weights as `report` and `predict` do, and again from a copy
    without digests.

    \b
      python cli.py bench digests runs/demo-early-speakers-0123abcd
    """
    from affuse.data import benchmarks

    benchmarks.bench(say, options.run, rounds=options.rounds)


@bench.command("finetune")
@takes("bench_options.BenchFinetune")
def bench_finetune(options: "BenchFinetune") -> None:
    """Measure fine-tuning on made-up utterances of IEMOCAP's lengths.

    The same random weights trained by `finetune`, with the gradient of the loss of the
    whole --loss-batch in two passes, and by an ordinary loop: padded batches of --batch
    utterances in random order, each with a loss and an optimiser step of its own. That
    loop runs each utterance forward once, not twice, and steps more often; what is
    compared is the time an utterance.

    "of the limit" is the arithmetic of one forward and one backward pass without
    padding against the rate of the device's own matrix products.
    """
    from affuse.extract.finetune.bench import finetune_bench

    finetune_bench.bench(say, options)
