"""Record of a modality, which both stages use.

Each file in data/modalities defines ``MODALITY``, a `Modality` with the name of the
file. A new modality needs a new file there and an encoder in extract/encoders.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from affuse.data import plugins
from affuse.data.column_files import (
    UnreadableInputError as UnreadableInputError,  # also offered here
)
from affuse.data.column_files import file_in_column as file_in_column
from affuse.data.errors import AffuseError
from affuse.data.installed_plugins import PluginError
from affuse.data.plugin_kinds import MODALITY_KIND
from affuse.data.records import Corpus, Utterance, file_name

BUILT_IN = ("audio", "text")  # listed before all other modalities
T = TypeVar("T")
CONTENT = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class InputFacts:
    """Digest and size of an input before it is encoded."""

    content: str  # digest of all that determines the embedding: 32 hexadecimal digits
    size: float  # in the unit of its modality

    def __post_init__(self) -> None:
        if not (CONTENT.fullmatch(self.content) and 0 <= self.size < math.inf):
            raise AffuseError(
                f"its plug-in gives the digest {self.content!r} and the size "
                f"{self.size!r}, not 32 hexadecimal digits and a number from 0"
            )


@dataclass(frozen=True, kw_only=True)
class Modality:
    """Modality: how its inputs are located, inspected and read, and how large they are.

    Attributes:
        source: function of an utterance and the folder of its corpus that returns the
            argument of `inspect` and `read`: a `Path` unless `in_memory`, None if the
            utterance lacks this modality; or raises `UnreadableInputError`
        inspect: function of a source that returns its facts; an OSError, ValueError or
            EOFError becomes the reason why the utterance is left out
        read: function of a source that returns the argument of the encoder's
            ``prepare``; errors as in `inspect`
    """

    name: str
    unit: str  # of the sizes of inputs; speeds are printed in it
    noun: str  # for one input
    nouns: str = ""  # for several inputs; "" for `noun` with an s
    material: str = ""  # word for the inputs of a corpus; "" for `nouns`
    requirement: str = ""  # word for the input of an utterance; "" for `noun`
    encoder: str  # default plug-in in extract/encoders
    # A part is held in memory as a whole, and is lost if the process is killed.
    part_rows: int = 256  # utterances of a part
    part_size: float  # sum of the sizes of a part, in `unit`
    batch: Mapping[str, float]  # size of a batch, by device: "cpu" and "cuda"
    batches: int = 18  # in memory at once; with more threads, one for each thread
    needs: tuple[str, ...] = ("columns",)  # fields of an utterance that `source` reads
    columns: tuple[str, ...] = ()  # of a table, which its reader always keeps
    source: Callable[[Utterance, Path], Any]
    inspect: Callable[[Any], InputFacts] | None = None  # None if it `has_times`
    read: Callable[[Any], Any] | None = None  # None if it `has_times`
    in_memory: bool = False  # True if `source` is a value of the utterance, no file
    has_times: bool = False  # True for sound files with spans, see extract/audio
    has_head: bool = False  # True if checkpoints may predict ratings themselves
    recurs: bool = False  # True if equal inputs are frequent, as in short texts
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
        """Reason why an utterance without this modality is not encoded."""
        return f"has no {self.requirement}, so it is not in {self.name}"

    def has(self, utterance: Utterance, root: Path) -> bool:
        """Return True if an utterance of the corpus in `root` has this modality."""
        try:
            return self.source(utterance, root) is not None
        except UnreadableInputError:
            return True

    def facts(self, utterance: Utterance, root: Path) -> InputFacts | str:
        """Return the facts of an input, or the reason why it cannot be read."""
        try:
            return self._call(self.inspect, self.source(utterance, root))
        except UnreadableInputError as error:
            return str(error)

    def load(self, source: Any) -> Any:
        """Return the content of an input, which the encoder's ``prepare`` takes.

        Raises:
            UnreadableInputError: if it cannot be read
        """
        return self._call(self.read, source)

    def _call(self, step: Callable[[Any], T] | None, source: Any) -> T:
        """Return the result of `inspect` or `read`, and convert their errors."""
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
        """Return the name of an input's file for reports.

        If the input is no file, this is the name of the utterance's recording.
        """
        path = None
        with suppress(UnreadableInputError):
            path = None if self.in_memory else self.source(utterance, root)
        return file_name(utterance, root, path)

    def reduced(self, utterance: Utterance) -> Utterance:
        """Return an utterance with only the fields needed to encode this modality.

        It always has the recording, which reports name. Its path is absolute, because
        other processes may run in other folders.
        """
        fields = {name: getattr(utterance, name) for name in self.needs}
        audio = None if utterance.audio is None else utterance.audio.absolute()
        return Utterance(utterance.id, **{**fields, "audio": audio})


def modality_names() -> tuple[str, ...]:
    """Return the names of all modalities: audio and text, then the others sorted.

    Examples:
        >>> modality_names()[:2]
        ('audio', 'text')
    """
    names = plugins.names(MODALITY_KIND)
    return (*BUILT_IN, *(name for name in names if name not in BUILT_IN))


def is_modality(name: str) -> bool:
    """Return True if there is a modality of this name."""
    # The names of the others are looked up last, because that lists files.
    return name in BUILT_IN or name in modality_names()


def modality_named(name: str) -> Modality:
    """Return the record of a modality.

    Raises:
        AffuseError: if there is no such modality
        PluginError: if its file does not define a record of that name

    Examples:
        >>> modality_named("text").nouns
        'texts'
    """
    record = getattr(plugins.load(MODALITY_KIND, name), "MODALITY", None)
    if not isinstance(record, Modality) or record.name != name:
        package = plugins.source(MODALITY_KIND, name).package
        origin = f" of the package {package}" if package else ""
        raise PluginError(
            f"the modality '{name}'{origin} lacks its record: its file must hold "
            f"MODALITY = Modality(name='{name}', ...)"
        )
    return record


def other_modalities() -> list[Modality]:
    """Return the records of all modalities but audio and text."""
    return list(_usable(modality_names()[len(BUILT_IN) :]))


def available(corpus: Corpus, modalities: Sequence[str]) -> list[str]:
    """Return the modalities that at least one utterance of a corpus has.

    Args:
        corpus: whose utterances are examined
        modalities: names to choose from
    """
    return [
        kind.name
        for kind in _usable(modalities)
        if any(kind.has(u, corpus.root) for u in corpus.utterances)
    ]


def _usable(names: Sequence[str]) -> Iterator[Modality]:
    """Yield the records of modalities.

    A modality of another package that cannot be used is left out with a warning.
    """
    for name in names:
        try:
            yield modality_named(name)
        except PluginError as error:
            plugins.warn(str(error))


def missing_materials(modalities: Sequence[str]) -> str:
    """Return the words for a corpus without inputs of some modalities.

    Args:
        modalities: names, at least one

    Examples:
        >>> missing_materials(["audio", "text"])
        'neither recordings nor text'
    """
    *most, last = (modality_named(name).material for name in modalities)
    return f"neither {', '.join(most)} nor {last}" if most else f"no {last}"
