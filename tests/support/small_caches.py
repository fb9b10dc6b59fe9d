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
    """Rows that differ by utterance; `steps` of each where frames are kept."""
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
    """A folder of parts with so many rows each; return the folder."""
    folder = cache / of.corpus / of.folder()
    for number, count in enumerate(rows):
        made = part(*(f"{number}-{i}" for i in range(count)), of=of)
        write(folder, number, made, of=of, planned=planned or len(rows))
    return folder


def flip(path, place=0.5, bit=0):
    """Damage one bit, at a fraction of the file."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1 << bit
    path.write_bytes(bytes(content))


def find_damage(cache):
    """A sentence for everything below a cache that is damaged, missing or misplaced."""
    return verification.verify(cache).problems


def remove_from_manifests(path):
    """Take a file out of the manifests, as a forger would who edits it."""
    drop = [path.name]
    digests.record(path.parent, {}, drop=drop)
    if path.parent.name.startswith("seed-"):  # whose manifest the run lists in turn
        run = path.parents[2]
        own = (path.parent / digests.MANIFEST).relative_to(run)
        digests.record(run, {}, drop=[str(own)])


NOTE = Problem("a.wav", "is silent", id="a", fatal=False)
