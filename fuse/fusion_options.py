"""Command-line options of stage two."""

from pathlib import Path

import click

from affuse.data.plugin_kinds import BASELINE_KIND, DESIGN_KIND, FORMAT_KIND
from affuse.data.rating_scales import POLICIES
from affuse.data.shared_options import (
    CACHE,
    COMPUTE,
    FOLDER,
    OUTPUT,
    PluginNames,
    PluginOption,
    split_names,
)

# fmt: off
RUNS = click.option(
    "--runs", type=FOLDER, default=Path("runs"), show_default=True,
    help="Folder of all trained models and their predictions.")
FINETUNED = click.option(
    "--finetuned", type=FOLDER, metavar="RUN",
    help="Give each fold the embeddings of its own encoders, which `finetune` left "
    "in this folder and `extract` was given; with --set training=end-to-end also the "
    "heads that it left there.")
CHOOSE = (
    click.option("--corpus", default="", help="Name of the corpus in the cache."),
    click.option(
        "--audio", default="", metavar="CHECKPOINT_OR_DIGEST",
        help="Audio cache to use if there are several, e.g. mini, a hub name, a "
        "folder, or the digest of `cache list`."),
    click.option(
        "--text", default="", metavar="CHECKPOINT_OR_DIGEST",
        help="Text cache to use if there are several; named like that of --audio."),
    CACHE,
)
MATCH = click.option(
    "--match-parameters", type=click.IntRange(min=1), metavar="N",
    help="Choose hidden so that each design has about N trainable parameters.")
FIT = (  # what is trained, and how
    click.option(
        "--fusion", "designs", multiple=True, required=True, metavar="DESIGN",
        callback=split_names, cls=PluginOption, kinds=(DESIGN_KIND, BASELINE_KIND),
        help=", latemean, lateccc, stacking, zeroshot, or all that the caches can "
        "feed; repeatable, or several divided by commas, as in early,late."),
    click.option(
        "--protocol",
        help="session5, session5-strict, loso, speakers or official.  [default: the "
        "corpus's own]"),
    click.option(
        "--folds", type=click.IntRange(min=3),
        help="Of the speakers protocol.  [default: 5]"),
    click.option(
        "--seeds", type=click.IntRange(min=1), default=3, show_default=True,
        help="How many; results are means over them."),
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="The first of them."),
    click.option(
        "--reduce", type=click.Choice(["autoencoder", "pca", "none"]),
        help="How embeddings are made smaller.  [default: autoencoder]"),
    MATCH,
    click.option(
        "--out-of-range", type=click.Choice(POLICIES),
        help="Ratings outside the scale.  [default: clip]"),
    click.option(
        "--experiment", default="", metavar="NAME_OR_FILE",
        help="Settings that differ from the defaults, e.g. paper."),
    click.option(
        "--set", "changes", multiple=True, metavar="NAME=VALUE",
        help="Any other setting, e.g. latent=64; repeatable."),
    click.option(
        "--allow", multiple=True, metavar="RULE", callback=split_names,
        help="A rule of `lint` that may fail, which the run remembers; repeatable."),
    click.option(
        "--memory", type=click.FloatRange(min=0), metavar="GIB",
        help="Embeddings that take more are read from a scratch file instead, in "
        "TMPDIR or the cache.  [default: half the memory]"),
)
TRAIN = (
    *FIT,
    FINETUNED,
    *CHOOSE,
    *COMPUTE,
    RUNS,
)
WHOLE = (
    click.option(
        "--finetune", is_flag=True,
        help="Fine-tune encoders for each fold before, with the first design and "
        "finetune's own settings."),
    FINETUNED,
    *FIT,
    RUNS,
)
SWEEP = (
    click.option(
        "--grid", multiple=True, metavar="NAME=VALUE,VALUE",
        help="Values of a setting, e.g. latent=64,128; all combinations are tried."),
    click.option(
        "--random", type=click.IntRange(min=1), metavar="N",
        help="Try N draws instead, of lists and of ranges."),
    click.option(
        "--space", multiple=True, metavar="NAME=LOW:HIGH[:log]",
        help="Range of a setting, for --random, e.g. learning_rate=1e-4:1e-2:log."),
    click.option(
        "--search-seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of the draws."),
    click.option(
        "--sweeps", type=FOLDER, default=Path("sweeps"), show_default=True,
        help="Folder of all sweeps."),
    *(option for option in TRAIN if option is not MATCH),  # sizes are searched
)
PREDICT = (
    *CHOOSE,
    click.option(
        "--calibrated", is_flag=True,
        help="Add what `calibrate` learnt: mapped, low, high."),
    *COMPUTE,
    OUTPUT,
)
CALIBRATE = (
    click.option(
        "--level", default=0.9, show_default=True,
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        help="Share of ratings that an interval shall hold."),
    click.option(
        "--by", default="auto", show_default=True,
        type=click.Choice(["auto", "utterance", "speaker"]),
        help="What is exchangeable: speakers, for new speakers, where there are enough "
        "of them to validate on; else utterances."),
    CACHE,
)
LINT = (
    click.argument(
        "folders", nargs=-1, metavar="[RUN]...", type=FOLDER),
    click.option("--list", "as_list", is_flag=True, help="Explain the rules instead."),
    click.option("--json", "as_json", is_flag=True, help="Everything, for machines."),
    CACHE,
    RUNS,
)
REPORT = (
    click.option("--corpus", default="", help="Only this corpus."),
    click.option("--protocol", default="", help="Only this protocol."),
    click.option(
        "--run", multiple=True, metavar="NAME",
        help="Show only the run of this folder name, or of this unique beginning of "
        "it; repeatable."),
    click.option(
        "--design", multiple=True, metavar="DESIGN", callback=split_names,
        help="Show only runs of this design; repeatable, or several divided by "
        "commas."),
    click.option(
        "--audio", multiple=True, metavar="CHECKPOINT",
        help="Of runs that take audio, show only those on this checkpoint, or on this "
        "commit of it; repeatable."),
    click.option(
        "--text", multiple=True, metavar="CHECKPOINT",
        help="The same for text."),
    click.option(
        "--format", "form", default="text", show_default=True,
        type=PluginNames(FORMAT_KIND)),
    click.option(
        "--against", default="", metavar="DESIGN",
        help="Compare all other rows with this one.  [default: fusion with the best "
        "single modality]"),
    click.option(
        "--pairs", is_flag=True, help="Compare every two rows, corrected by Holm."),
    click.option(
        "--unit", type=click.Choice(["dialogue", "speaker", "recording", "utterance"]),
        help="What intervals and tests take to be independent.  [default: dialogue, "
        "else speaker, recording, utterance; speaker where dialogues lie within "
        "speakers that the folds keep apart]"),
    click.option(
        "--by", default="", metavar="COLUMN",
        help="Score the groups of a column of the corpus apart: gender, speaker, "
        "session, dialogue, or a column that the corpus's table has, e.g. language. "
        "Improvised, scripted and new sentences always are, where they are known."),
    click.option(
        "--columns", default="", metavar="NAMES",
        help="Show other measures too, divided by commas, e.g. rmse,mae,pearson."),
    click.option(
        "--ensemble", is_flag=True,
        help="Add a row for each run with several seeds: the mean of their "
        "predictions."),
    click.option(
        "--split", is_flag=True,
        help="Show correlation, scale and location, of which each CCC is made."),
    click.option(
        "--mapped", is_flag=True,
        help="Add a row for each network after the affine map of highest CCC, fitted "
        "on its validation predictions. Without it, the network of highest validation "
        "CCC gets one if the table has a mapped baseline."),
    OUTPUT,
    RUNS,
)
ABLATE = (
    click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True,
        help="Of the permutations."),
    *CHOOSE,
    *COMPUTE,
)
COUNT = click.IntRange(min=1)
TRAINING = (  # of the bench
    click.option("--rows", type=click.IntRange(min=300), default=10_000,
                 show_default=True, help="Made-up utterances."),
    click.option("--dims", type=COUNT, nargs=2, default=(1024, 768), show_default=True,
                 help="Features of audio and text."),
    click.option("--models", type=COUNT, default=8, show_default=True,
                 help="Of one design, with a seed each."),
    click.option("--epochs", type=COUNT,
                 help="Of each model, and of its autoencoders where they come first.  "
                 "[default: 3; of --table, what early stopping gives]"),
    click.option("--table", is_flag=True,
                 help="Time the whole table instead: audio, text, early and late, five "
                 "folds, five seeds, as `train` would."),
    click.option("--fusion", default="early", show_default=True,
                 type=PluginNames(DESIGN_KIND)),
    click.option("--reduce", type=click.Choice(["autoencoder", "none"]),
                 default="autoencoder", show_default=True),
    click.option("--training", type=click.Choice(["joint", "pretrain"]),
                 default="joint", show_default=True),
    click.option("--hidden", type=COUNT, default=128, show_default=True),
    click.option("--latent", type=COUNT, default=128, show_default=True),
    click.option("--batch", type=click.IntRange(min=32), default=512,
                 show_default=True),
    click.option("--rounds", type=COUNT, default=1, show_default=True,
                 help="Of all ways in turn; the fastest counts."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Of data, weights, order and dropout."),
    *COMPUTE,
)
# fmt: on
