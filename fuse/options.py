"""Command-line options of stage two."""

from pathlib import Path

import click

from data import plugins
from data.options import CACHE, COMPUTE, FOLDER, OUTPUT
from data.ratings import POLICIES

# fmt: off
RUNS = click.option(
    "--runs", type=FOLDER, default=Path("runs"), show_default=True,
    help="Folder of all trained models and their predictions.")
CHOOSE = (
    click.option("--corpus", default="", help="Name of the corpus in the cache."),
    click.option("--audio", default="", help="Digest of the audio cache, if several."),
    click.option("--text", default="", help="Digest of the text cache, if several."),
    CACHE,
)
TRAIN = (
    click.option(
        "--fusion", "designs", multiple=True, required=True, metavar="DESIGN",
        help=", ".join(plugins.names("fuse.designs"))
        + ", ridge, zeroshot, or all; repeatable."),
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
    click.option(
        "--out-of-range", type=click.Choice(POLICIES),
        help="Ratings outside the scale.  [default: clip]"),
    click.option(
        "--experiment", default="", metavar="NAME_OR_FILE",
        help="Settings that differ from the defaults, e.g. paper."),
    click.option(
        "--set", "changes", multiple=True, metavar="NAME=VALUE",
        help="Any other setting, e.g. latent=64; repeatable."),
    *CHOOSE,
    *COMPUTE,
    RUNS,
)
REPORT = (
    click.option("--corpus", default="", help="Only this corpus."),
    click.option("--protocol", default="", help="Only this protocol."),
    click.option(
        "--format", "form", default="text", show_default=True,
        type=click.Choice(["text", "markdown", "csv", "json", "latex"])),
    OUTPUT,
    RUNS,
)
COUNT = click.IntRange(min=1)
BENCH = (
    click.option("--rows", type=click.IntRange(min=300), default=10_000,
                 show_default=True, help="Made-up utterances."),
    click.option("--dims", type=COUNT, nargs=2, default=(1024, 768), show_default=True,
                 help="Features of audio and text."),
    click.option("--models", type=COUNT, default=8, show_default=True,
                 help="Of one design, with a seed each."),
    click.option("--epochs", type=COUNT, default=3, show_default=True,
                 help="Of each model, and of its autoencoders where they come first."),
    click.option("--fusion", default="early", show_default=True,
                 type=click.Choice(plugins.names("fuse.designs"))),
    click.option("--reduce", type=click.Choice(["autoencoder", "none"]),
                 default="autoencoder", show_default=True),
    click.option("--training", type=click.Choice(["joint", "pretrain"]),
                 default="joint", show_default=True),
    click.option("--hidden", type=COUNT, default=128, show_default=True),
    click.option("--latent", type=COUNT, default=128, show_default=True),
    click.option("--batch", type=click.IntRange(min=128), default=512,
                 show_default=True),
    click.option("--rounds", type=COUNT, default=1, show_default=True,
                 help="Of all ways in turn; the fastest counts."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True,
                 help="Of data, weights, order and dropout."),
    *COMPUTE,
)
# fmt: on
