"""Affuse: speech and transcripts to valence, arousal and dominance, in two stages.

This file parses, calls and prints; the work is done in `data`, `extract` and `fuse`.
"""

import sys
from pathlib import Path

if __name__ == "__main__":  # import `affuse.cli`, so that no module has two names
    import importlib
    import runpy

    prepare = Path(__file__).with_name("data") / "system" / "environment.py"
    runpy.run_path(str(prepare))["ensure_packages"]()
    sys.exit(importlib.import_module("affuse.cli").main())

from typing import TYPE_CHECKING

import click

from affuse.data.options.command_groups import Group, takes_record
from affuse.data.terminal import print_line
from affuse.extract.commands.adapt_command import adapt
from affuse.extract.commands.bench_command import bench
from affuse.extract.commands.bundle_command import bundle
from affuse.extract.commands.cache_command import cache
from affuse.extract.commands.corpus_commands import (
    check,
    corpora,
    sample,
    utterances,
)
from affuse.extract.commands.predict_command import predict
from affuse.extract.commands.robustness_command import robustness
from affuse.extract.commands.serve_command import serve
from affuse.extract.commands.transcribe_command import transcribe
from affuse.fuse.commands.finished_run_commands import (
    ablate,
    calibrate,
    lint,
    verify,
)

if TYPE_CHECKING:
    from affuse.data.options import (
        distillation_options,
        extraction_options,
        finetuning_options,
        pipeline_options,
        report_options,
        training_options,
    )


@click.group(cls=Group)
def main() -> None:
    """Predict valence, arousal and dominance from speech and transcripts.

    Stage one encodes every utterance once, into a cache. Stage two trains fusion
    designs on the cached embeddings in seconds. The corpus demo, which is synthetic,
    and the small encoders mini are built in.

    \b
    Examples:
      python cli.py extract demo --audio-checkpoint mini --text-checkpoint mini
      python cli.py train --fusion early
      python cli.py report
    """


@main.command()
@takes_record
def extract(options: "extraction_options.Extract") -> None:
    """Encode a corpus into the cache (stage one).

    The command encodes CORPUS at ROOT (demo needs none) on all GPUs of the machine.
    Repeat it after an interruption: finished parts are kept. An utterance that cannot
    be encoded is named in cache/NAME/problems.csv; the command goes on, and its exit
    status is 1. With --scheduler or --shard, several machines fill one cache.

    \b
    Examples:
      python cli.py extract demo --audio-checkpoint mini --text-checkpoint mini
      python cli.py extract iemocap /path/to/IEMOCAP_full_release --layers all
    """
    from affuse.extract.commands import early_listing

    sys.exit(early_listing.run(options, print_line) > 0)


@main.command()
@takes_record
def run(options: "pipeline_options.RunCommand") -> None:
    """Extract, train and report in one command.

    The command reads CORPUS at ROOT (demo needs none). With --finetune, it fine-tunes
    the encoders on each fold first. Finished steps are kept: repeat the command after
    an interruption. The exit status is 1 if something was left out.

    \b
    Example:
      python cli.py run demo --fusion early \\
          --audio-checkpoint mini --text-checkpoint mini
    """
    from affuse.extract.commands import extract_command, run_tuning
    from affuse.fuse.commands import run_command

    encode, tune = extract_command.encode, run_tuning.tune
    sys.exit(not run_command.run(print_line, encode, tune, options))


@main.command()
@takes_record
def distil(options: "distillation_options.Distil") -> None:
    """Distil an encoder into a smaller one: a student learns from a teacher.

    The student is an ordinary Wav2Vec2Model or DistilBertModel folder of a few
    megabytes, with a model card. The teacher encodes the data once, into the cache.
    Repeat the command after an interruption: the training continues.

    \b
    Examples:
      python cli.py distil audio --teacher openai/whisper-tiny.en \\
          --teacher-layers 2,3 --data /path/to/speech --output small-speech
      python cli.py distil text --data sentences.txt --output small-text \\
          --teacher sentence-transformers/all-MiniLM-L6-v2
    """
    from affuse.extract.commands import distil_command

    distil_command.distil(print_line, options)


@main.command()
@takes_record
def finetune(options: "finetuning_options.Finetune") -> None:
    """Fine-tune encoders together with a fusion design.

    The command trains on the training part of each fold of CORPUS at ROOT. The
    validation CCC selects the best checkpoint; the test part is not used. Each fold
    becomes a folder of ordinary checkpoints for `extract`. Repeat the command after
    an interruption.

    \b
    Example:
      python cli.py finetune iemocap /path/to/IEMOCAP_full_release --fold session5
    """
    from affuse.extract.commands import finetune_command

    finetune_command.finetune(print_line, options)


@main.command()
@takes_record
def train(options: "training_options.Train") -> None:
    """Train fusion designs on cached embeddings (stage two).

    Every test part is predicted. If the cache holds one corpus with one cache of each
    modality, these are used. Finished folds and seeds are kept: repeat the command
    after an interruption, or with more seeds.

    \b
    Examples:
      python cli.py train --fusion early,late
      python cli.py train --fusion all --protocol speakers --seeds 5
    """
    from affuse.fuse.commands import training_commands

    training_commands.train(print_line, options)


@main.command()
@takes_record
def sweep(options: "training_options.Sweep") -> None:
    """Search settings on validation parts; no test part is used.

    Every trial is a file in sweeps/NAME. Repeat the command after an interruption, or
    with other settings: all trials on the same rows are ranked together. The command
    writes ranking.csv, and the best settings as an experiment for `train`.

    \b
    Examples:
      python cli.py sweep --fusion early --grid latent=64,128 \\
          --grid dropout=0.3,0.5
      python cli.py sweep --fusion early --random 20 \\
          --space learning_rate=1e-4:1e-2:log
    """
    from affuse.fuse.commands import training_commands

    training_commands.sweep(print_line, options)


@main.command()
@takes_record
def report(options: "report_options.Report") -> None:
    """Print the CCC table of finished runs.

    Each row is a design: the mean over folds and seeds, with a 95 % interval. A mark
    says that a row is significantly better (*) or worse than the row that it is
    compared with. The exit status is 1 if a run is damaged; it is named, and the
    others are shown.

    \b
    Examples:
      python cli.py report --corpus demo --format latex --output table.tex
      python cli.py report --format html --output report.html
    """
    from affuse.extract.commands.page_clips import encode_clip
    from affuse.fuse.commands import report_command

    sys.exit(not report_command.report(options, print_line, encode_clip))


for command in (
    adapt,
    ablate,
    robustness,
    bench,
    bundle,
    cache,
    calibrate,
    check,
    corpora,
    lint,
    predict,
    sample,
    serve,
    transcribe,
    utterances,
    verify,
):
    main.add_command(command)
