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
from affuse.extract.commands.corpora_command import corpora
from affuse.extract.commands.predict_command import predict
from affuse.extract.commands.transcribe_command import transcribe

if TYPE_CHECKING:
    from affuse.data.options import (
        distillation_options,
        extraction_options,
        finetuning_options,
        pipeline_options,
        report_options,
        run_options,
        source_options,
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
def check(options: "source_options.CheckCorpus") -> None:
    """Compare a corpus with its published counts.

    The command reads CORPUS at ROOT (demo needs none), and names each kind of problem
    by file and line. The exit status is 1 if there is a problem, or if a count is not
    as published. Notes and questions do not change the exit status.

    \b
    Example:
      python cli.py check manifest table.csv --scale 1 5 --map valence=v_mean
    """
    from affuse.data.reading import corpus_checks
    from affuse.extract.caching import recording_headers

    find = recording_headers.find_problems
    sys.exit(not corpus_checks.command(print_line, find, options))


@main.command()
@takes_record
def utterances(options: "source_options.WriteUtterances") -> None:
    """Write the utterances of a corpus as CSV, one row each.

    The command reads CORPUS at ROOT (demo needs none). It names every problem on the
    error stream. The exit status is 1 if something was left out.

    \b
    Example:
      python cli.py utterances demo --output utterances.csv
    """
    from affuse.data.reading import corpus_checks

    sys.exit(not corpus_checks.utterances(options, print_line))


@main.command()
@takes_record
def sample(options: "source_options.WriteSample") -> None:
    """Write a small example of a corpus.

    The example has the layout of CORPUS, with made-up sentences and generated tones.
    ROOT must be a new or an empty folder.

    \b
    Example:
      python cli.py sample manifest small-corpus
    """
    from affuse.data.reading import corpus_reading

    corpus, root = options.corpus, options.root
    count = corpus_reading.sample(corpus, root)
    print_line(f"{count} synthetic utterances in the layout of {corpus} in {root}")


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


main.add_command(transcribe)
main.add_command(cache)
main.add_command(corpora)


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


main.add_command(bench)


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
def lint(options: "run_options.Lint") -> None:
    """Look for leaks in finished runs.

    Every rule checks RUN, or all runs. A rule reads the run folder and, if they are in
    the cache, the corpus and the embeddings. The exit status is 1 if a rule fails.

    \b
    Example:
      python cli.py lint runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import lint_command

    sys.exit(not lint_command.lint(print_line, options))


@main.command()
@takes_record
def verify(options: "run_options.Verify") -> None:
    """Check caches and runs against the digests of their files.

    The command reads every file below each FOLDER, which is a cache, a run, or a
    folder of several. Without FOLDER, it reads all caches and runs. It names every
    file that is damaged or missing. It also names folders without digests, which an
    older version or an interrupted command wrote. The exit status is 1 if a file is
    damaged or missing, or if the named folders hold neither a cache nor a run.

    \b
    Example:
      python cli.py verify runs/demo-early-speakers-0123abcd
    """
    from affuse.data.cache import verification

    sys.exit(not verification.command(print_line, options))


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
    from affuse.fuse.commands import report_command

    sys.exit(not report_command.report(options, print_line))


@main.command()
@takes_record
def calibrate(options: "run_options.Calibrate") -> None:
    """Calibrate the predictions of RUN, and add intervals to them.

    The command learns from validation predictions alone: the affine map of the highest
    CCC, and split conformal intervals. It prints the scores of both on the test parts,
    and the scores without the most uncertain utterances. It writes calibration.json,
    rejection.csv and rejection.svg into RUN.

    \b
    Example:
      python cli.py calibrate runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import calibrate_command

    calibrate_command.calibrate_run(options)


main.add_command(adapt)
main.add_command(predict)
main.add_command(bundle)


@main.command()
@takes_record
def ablate(options: "run_options.Ablate") -> None:
    """Measure the contribution of each modality.

    The command prints the test CCC of RUN with both modalities, with one of them
    only, and with one that is permuted between utterances.

    \b
    Example:
      python cli.py ablate runs/demo-early-speakers-0123abcd
    """
    from affuse.fuse.commands import ablation_command

    ablation_command.ablate(print_line, options)
