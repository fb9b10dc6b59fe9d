"""The train and predict commands: choose caches and settings, then do the work."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from data import choosing, plugins, store, table
from data.device import choose
from data.recipe import MODALITIES, Recipe
from data.store import Cache, Embeddings
from data.utterance import Corpus
from fuse import predict as prediction
from fuse import settings as options
from fuse.plan import summary
from fuse.references import REFERENCES
from fuse.settings import Settings
from fuse.train import fusions, run_all

Say = Callable[[str], object]
Rate = Callable[[str, Any], float]  # of a device and dtype, operations a second


def train(say: Say, **found: Any) -> None:
    """Train every design that was asked for on the one choice of caches.

    Args:
        say: told each line
        found: the options of the command line, by name
    """
    device = _compute(found)
    settings = _settings(found)
    corpus, caches, embeddings = _open(found, needs(found["designs"]))
    if corpus.shortfall:
        say(f"corpus '{corpus.name}' is not complete: {corpus.shortfall}")
    for cache in caches.values():
        say(f"using {choosing.describe(cache)}")
    head = any(cache.recipe.head for cache in caches.values())
    chosen = designs(found["designs"], list(caches), head=head)
    folders = run_all(
        corpus,
        embeddings,
        fusions=chosen,
        settings=settings,
        seeds=range(found["seed"], found["seed"] + found["seeds"]),
        runs=found["runs"],
        device=device,
        label=Path(found["experiment"]).stem,
    )
    for fusion, folder in zip(chosen, folders, strict=True):
        say(f"{fusion}: {folder}; {summary(folder)}")
    say("next: python cli.py report")


def designs(
    wanted: Sequence[str], modalities: Sequence[str], *, head: bool
) -> list[str]:
    """Designs as they were asked for; ``all`` is all that these caches can feed.

    Raises:
        ValueError: if one is not known
    """
    known = fusions()
    if unknown := [name for name in wanted if name not in (*known, "all")]:
        raise ValueError(
            f"no fusion {unknown[0]!r}: choose from {', '.join(known)} or all, or add "
            f"fuse/designs/{unknown[0]}.py"
        )
    if "all" not in wanted:
        return list(dict.fromkeys(wanted))
    fed = [name for name in known if _is_fed(name, modalities, head=head)]
    return sorted(fed, key=lambda name: (name not in REFERENCES, known.index(name)))


def needs(wanted: Sequence[str]) -> tuple[str, ...]:
    """Modalities that these designs take together; all of them for ``all`` and ridge.

    Designs of one command are compared on the utterances that have all of these.
    """
    taken: set[str] = set()
    for name in wanted:
        if name in ("all", "ridge"):
            return MODALITIES
        if name == "zeroshot":
            taken.add("audio")
        elif name in fusions():
            taken |= set(plugins.load("fuse.designs", name).MODALITIES)
    return tuple(m for m in MODALITIES if m in taken)


def _is_fed(name: str, modalities: Sequence[str], *, head: bool) -> bool:
    """Whether there is everything that a design needs."""
    if name in REFERENCES:
        return head or name != "zeroshot"
    needs = plugins.load("fuse.designs", name).MODALITIES
    return set(needs) <= set(modalities)


def predict(run_folder: Path, output: TextIO, **found: Any) -> None:
    """Write what the models of a run say of cached utterances, one row each."""
    device = _compute(found)
    like = prediction.recipes(run_folder)
    _, _, embeddings = _open(found, tuple(like), like)
    applied = prediction.apply(run_folder, embeddings, device=device)
    writer = csv.writer(output, lineterminator="\n")
    spread = [f"{target}_deviation" for target in applied.targets]
    writer.writerow(("id", *applied.targets, *spread))
    for name, mean, std in zip(applied.ids, applied.mean, applied.std, strict=True):
        writer.writerow((table.cell(name), *(f"{x:.6f}" for x in (*mean, *std))))


def bench(say: Say, rate: Rate, **found: Any) -> None:
    """Measure how fast designs are trained, beside other ways.

    Args:
        say: told each line
        rate: of a device's own matrix products
        found: the options of the command line, by name
    """
    from fuse.bench import command

    device = _compute(found)
    epochs = found["epochs"]
    settings = options.change(
        Settings(epochs=epochs, patience=epochs, pretrain_epochs=epochs),
        {n: found[n] for n in ("reduce", "training", "hidden", "latent", "batch")},
    )
    size = command.Size(
        found["rows"],
        found["dims"],
        found["models"],
        found["fusion"],
        settings,
        found["seed"],
    )
    command.run(say, device, size, rounds=found["rounds"], rate=rate)


def _compute(found: Mapping[str, Any]) -> str:
    """Set the threads and choose the device."""
    import torch

    if found["threads"]:
        torch.set_num_threads(found["threads"])
    cards = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return choose(str(found["device"]), cards=cards)


def _settings(found: Mapping[str, Any]) -> Settings:
    """Defaults, changed by the experiment, then by --set, then by options."""
    experiment = found["experiment"]
    settings = options.load(experiment) if experiment else Settings()
    settings = options.override(settings, found["changes"])
    names = ("protocol", "folds", "reduce", "out_of_range")
    return options.change(settings, {n: found[n] for n in names if found[n]})


def _open(
    found: Mapping[str, Any],
    modalities: Sequence[str],
    like: Mapping[str, Recipe] | None = None,
) -> tuple[Corpus, dict[str, Cache], dict[str, Embeddings]]:
    """The corpus, and the one cache of each of these modalities."""
    named = {"audio": found["audio"], "text": found["text"]}
    caches = choosing.choose(
        found["cache"],
        corpus=found["corpus"],
        named=named,
        modalities=modalities,
        like=like,
    )
    corpus = table.load(found["cache"], next(iter(caches.values())).recipe.corpus)
    return corpus, caches, {m: store.load(cache) for m, cache in caches.items()}
