"""The commands that measure speed; `cli.py` offers them as ``bench``.

That of stage two is in `cli.py` itself, for stage two is not known here.
"""

from pathlib import Path
from typing import Any

import click

from affuse.data.shared_options import FOLDER, Subgroup, options
from affuse.data.terminal import say
from affuse.extract.bench.bench_options import ENCODING, TUNING


@click.group(cls=Subgroup)
def bench() -> None:
    """Measure speed against the device's limit, and against other ways."""


@bench.command("extract")
@options(ENCODING)
def bench_extract(**found: Any) -> None:
    """Measure stage one on made-up inputs of IEMOCAP's lengths.

    The same random weights one by one, in padded batches, in a transformers pipeline
    and as stage one runs them; "of the limit" is the arithmetic that the result needs
    against the rate of the device's own matrix products.
    """
    from affuse.extract.bench import encoder_bench

    encoder_bench.bench(say, **found)


@bench.command("digests")
@click.argument("run", type=FOLDER)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Read both ways so often; the fastest of each counts.",
)
def bench_digests(run: Path, rounds: int) -> None:
    """Measure what the digests of RUN cost.

    Reads its tables and its weights as `report` and `predict` do, and again from a copy
    without digests.

    \b
      python cli.py bench digests runs/demo-early-speakers-0123abcd
    """
    from affuse.data import benchmarks

    benchmarks.bench(say, run, rounds=rounds)


@bench.command("finetune")
@options(TUNING)
def bench_finetune(**found: Any) -> None:
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

    finetune_bench.bench(say, **found)
