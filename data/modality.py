"""What both stages know of a modality, in one record; one file each in data/modalities.

Such a file offers ``MODALITY``, a `Modality` whose name is the file's. A new modality
is a new file there and an encoder in extract/encoders; nothing else is edited.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from affuse.data import plugins
from affuse.data.errors import AffuseError
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import MODALITY_KIND
from affuse.data.records import Corpus, Utterance, file_name

BUILT_IN = ("audio", "text")  # they come first wherever modalities are listed
T = TypeVar("T")
CONTENT = re.compile(r"[0-9a-f]{32}")


class UnreadableInputError(AffuseError):
    """An input that cannot be read; the message is the reason."""


@dataclass(frozen=True)
class InputFacts:
    """What is known of an input before it is encoded."""

    content: str  # digest of all that decides the embedding: 32 hexadecimal digits
    size: float  # in the unit of its modality

    def __post_init__(self) -> None:
        if not (CONTENT.fullmatch(self.content) and 0 <= self.size < math.inf):
            raise AffuseError(
                f"its plug-in gives the digest {self.content!r} and the size "
                f"{self.size!r}, not 32 hexadecimal digits and a number from 0"
            )


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One modality: where its inputs come from, how large they are, what they are.

    Args:
        source: utterance and folder of the corpus to what `inspect` and `read` take: a
            `Path` unless `in_memory`; None if the utterance lacks this modality
        inspect: source to its facts; an OSError, ValueError or EOFError of it becomes
            the reason why the utterance is left out
        read: source to what the encoder's ``prepare`` takes; errors as of `inspect`
    """

    name: str
    unit: str  # of the sizes of inputs, as speeds show it
    noun: str  # one input
    nouns: str = ""  # several inputs; "" for `noun` and an s
    material: str = ""  # what a corpus has or lacks; "" for `nouns`
    requirement: str = ""  # what an utterance has or lacks; "" for `noun`
    encoder: str  # plug-in in extract/encoders that is taken by default
    # A part is what is held in memory at once, and what a kill may cost.
    part_rows: int = 256  # utterances of a part
    part_size: float  # sum of the sizes of a part, in `unit`
    batch: Mapping[str, float]  # encoded at once, by device: "cpu" and "cuda"
    # Batches of that size that may be in memory at once, however few threads there are.
    batches: int = 18
    needs: tuple[str, ...] = ("columns",)  # fields of an utterance that `source` reads
    columns: tuple[str, ...] = ()  # of a table, which are kept whatever they hold
    source: Callable[[Utterance, Path], Any]
    inspect: Callable[[Any], InputFacts] | None = None  # None where it `has_times`
    read: Callable[[Any], Any] | None = None  # None where it `has_times`
    in_memory: bool = False  # `source` is a value of the utterance, and no file
    has_times: bool = False  # a sound file with spans in seconds, see extract/audio
    has_head: bool = False  # checkpoints may predict ratings themselves
    recurs: bool = False  # equal by chance in several utterances, as short texts are
    options: tuple[str, ...] = ()  # of the command line that its encoders take

    def __post_init__(self) -> None:
        if not (self.has_times or (self.inspect and self.read)):
            raise AffuseError(
                f"the modality '{self.name}' says neither how its inputs are inspected "
                f"nor how they are read; give its record both functions"
            )
        for name, value in (
            ("nouns", f"{self.noun}s"),
            ("material", self.nouns or f"{self.noun}s"),
            ("requirement", self.noun),
        ):
            if not getattr(self, name):
                object.__setattr__(self, name, value)

    @property
    def lacking(self) -> str:
        """Return why an utterance without this modality is not encoded."""
        return f"has no {self.requirement}, so it is not in {self.name}"

    def has(self, utterance: Utterance, root: Path) -> bool:
        """Return True if an utterance has this modality."""
        return self.source(utterance, root) is not None

    def facts(self, source: Any) -> InputFacts | str:
        """Return what is known of an input, or why it cannot be read."""
        try:
            return self._call(self.inspect, source)
        except UnreadableInputError as error:
            return str(error)

    def load(self, source: Any) -> Any:
        """Return what the encoder prepares.

        Raises:
            UnreadableInputError: if it cannot be read
        """
        return self._call(self.read, source)

    def _call(self, step: Callable[[Any], T] | None, source: Any) -> T:
        if step is None:
            raise TypeError(f"inputs of {self.name} are read by affuse.extract.audio")
        try:
            return step(source)
        except (OSError, ValueError, EOFError) as error:
            reason = getattr(error, "strerror", "") or str(error)
            raise UnreadableInputError(
                f"cannot be read: {reason or type(error).__name__}"
            ) from error

    def file(self, utterance: Utterance, root: Path) -> str:
        """Return the file that reports name for an input: its own, or the recording."""
        path = None if self.in_memory else self.source(utterance, root)
        return file_name(utterance, root, path)

    def reduced(self, utterance: Utterance) -> Utterance:
        """Return an utterance with what it takes to encode this modality alone.

        Reports name its recording, whatever is encoded; other processes run in other
        folders, so it is absolute.
        """
        fields = {name: getattr(utterance, name) for name in self.needs}
        audio = None if utterance.audio is None else utterance.audio.absolute()
        return Utterance(utterance.id, **{**fields, "audio": audio})


def file_in_column(name: str) -> Callable[[Utterance, Path], Path | None]:
    """Return the `source` of a modality whose files are named in a column of a table.

    Args:
        name: of the column, whose values are paths relative to the corpus
    """

    def source(utterance: Utterance, root: Path) -> Path | None:
        path = utterance.columns.get(name)
        return root / path if path else None

    return source


def modality_names() -> tuple[str, ...]:
    """Return the names of all modalities: audio and text, then others by name.

    Examples:
        >>> modality_names()[:2]
        ('audio', 'text')
    """
    names = plugins.names(MODALITY_KIND)
    return (*BUILT_IN, *(name for name in names if name not in BUILT_IN))


def is_modality(name: str) -> bool:
    """Return True if there is a modality of this name."""
    return name in BUILT_IN or name in modality_names()  # files are listed for it


def modality_named(name: str) -> Modality:
    """Return the record of a modality.

    Raises:
        AffuseError: if there is none of that name, or its file has another's record

    Examples:
        >>> modality_named("text").nouns
        'texts'
    """
    found = getattr(plugins.load(MODALITY_KIND, name), "MODALITY", None)
    if not isinstance(found, Modality) or found.name != name:
        raise AffuseError(
            f"the modality '{name}' lacks its record: its file must hold MODALITY = "
            f"Modality(name='{name}', ...)"
        )
    return found


def other_modalities() -> list[Modality]:
    """Return the records of all modalities but audio and text."""
    return list(_usable(modality_names()[len(BUILT_IN) :]))


def available(corpus: Corpus, modalities: Sequence[str]) -> list[str]:
    """Return those of some modalities that at least one utterance has."""
    return [
        kind.name
        for kind in _usable(modalities)
        if any(kind.has(u, corpus.root) for u in corpus.utterances)
    ]


def _usable(names: Sequence[str]) -> Iterator[Modality]:
    """Yield the records of modalities.

    One of another package that cannot be used is left out, and a warning says so.
    """
    for name in names:
        try:
            yield modality_named(name)
        except PluginError as error:
            plugins.warn(str(error))


def missing_materials(modalities: Sequence[str]) -> str:
    """Return the words for a corpus that has nothing of some modalities.

    Examples:
        >>> missing_materials(["audio", "text"])
        'neither recordings nor text'
    """
    *most, last = (modality_named(name).material for name in modalities)
    return f"neither {', '.join(most)} nor {last}" if most else f"no {last}"
