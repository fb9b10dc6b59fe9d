"""Small caches for tests: a recipe, parts of it, and folders of parts."""

import dataclasses

import numpy as np

from affuse.data.cache import parts, verification
from affuse.data.cache.parts import Part
from affuse.data.cache.recipe import Recipe
from affuse.data.records import Problem
from affuse.data.system import digests

RECIPE = Recipe(
    corpus="toy",
    content="0123456789abcdef",
    modality="text",
    encoder="distilbert",
    checkpoint="tiny",
    revision="",
    weights="fedcba9876543210",
    layers=(1, 2),
    pooling="mean",
    dtype="float32",
    inputs={"max_tokens": 512},
)
FRAMES = dataclasses.replace(RECIPE, pooling="frames", storage="float16")
VERSIONS = {"numpy": "2.0"}
DIM = 3


def recipe(**changes):
    return dataclasses.replace(RECIPE, **changes)


def part(*ids, of=RECIPE, steps=None, problems=()):
    """Return a part with random rows; `steps` are the numbers of frames, if any."""
    rng = np.random.default_rng(len(ids))
    heads = (len(of.layers), DIM)
    shapes = [
        heads if of.pooling != "frames" else (s, *heads)
        for s in steps or [2] * len(ids)
    ]
    return Part(
        ids=ids,
        contents=tuple(f"{i:032x}" for i in range(len(ids))),
        vectors=tuple(rng.normal(size=s).astype(np.float32) for s in shapes),
        head=rng.normal(size=(len(ids), len(of.head))) if of.head else None,
        problems=tuple(problems),
    )


def write(folder, number, made, *, of=RECIPE, planned=1):
    """Publish one part and return its path."""
    path = parts.part_path(folder, number)
    parts.write(path, made, recipe=of, parts=planned, versions=VERSIONS)
    return path


def fill(cache, *, of=RECIPE, rows=(2, 1), planned=None):
    """Write parts with these numbers of rows; return the folder of the cache."""
    folder = cache / of.corpus / of.folder()
    for number, count in enumerate(rows):
        made = part(*(f"{number}-{i}" for i in range(count)), of=of)
        write(folder, number, made, of=of, planned=planned or len(rows))
    return folder


def flip(path, place=0.5, bit=0):
    """Flip one bit at a fraction of the length of a file."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(bytes(content))


def find_damage(cache):
    """Return a sentence on each damaged, missing or misplaced file below a cache."""
    return verification.verify(cache).problems


def remove_from_manifests(path):
    """Remove a file from the manifests, so that a changed file is accepted."""
    drop = [path.name]
    digests.add_digests(path.parent, {}, drop=drop)
    if path.parent.name.startswith("seed-"):  # the run lists the model's manifest
        run = path.parents[2]
        own = (path.parent / digests.MANIFEST).relative_to(run)
        digests.add_digests(run, {}, drop=[str(own)])


NOTE = Problem("a.wav", "is silent", id="a", fatal=False)
