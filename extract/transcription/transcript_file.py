"""File of the transcripts that one model recognised in a corpus.

``<cache>/<corpus>/transcripts/<label>.json`` is a JSON object with one line for each
recording or span. Its label is `RecogniserIdentity.label`. The entries are:

============== ========================================================================
``format``     1
``recogniser`` model, digest of its weights, precision, options and package
``transcripts``  {digest of a recording or span: its language and segments}; a segment
               has ``start`` and ``end`` in seconds from the beginning of the span, and
               ``text``
============== ========================================================================

The digest is `affuse.extract.caching.encoder_inputs.recording_content`. So an utterance
whose recording, span or channel changes is recognised again. The file is replaced as a
whole, and its digest is in ``SHA256SUMS`` beside it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any

from affuse.data.cache.cache_folder import CorpusFolder
from affuse.data.errors import OptionError
from affuse.data.options.extraction_options import GOLD
from affuse.data.suggestions import hint
from affuse.data.system.digests import write_and_list
from affuse.data.system.documents import read_json
from affuse.data.system.regular_files import TABLE
from affuse.data.system.schema import (
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Record,
    Text,
    Whole,
)
from affuse.extract.transcription.transcript_records import (
    RecogniserIdentity,
    RecognitionOptions,
    Transcript,
    TranscriptSegment,
)

FORMAT = 1  # version of the file
ADVICE = "remove it, and repeat the transcribe command"
REST = 20.0  # seconds of recognition for each second of saving
SECONDS = Number(0, 1e9)
WORD = Text(1_000)
SEGMENT = Record({"start": SECONDS, "end": SECONDS, "text": Text(2**16)})
KIND = Record(
    {
        "format": OneOf((FORMAT,)),
        "recogniser": Record(
            {
                **dict.fromkeys(("model", "digest", "precision", "package"), WORD),
                "options": Record({"language": Maybe(WORD), "beam": Whole(least=1)}),
            }
        ),
        "transcripts": MapOf(
            Record({"language": WORD, "segments": ListOf(SEGMENT, most=100_000)}),
            most=10**8,
            name=Text(64, least=32),
        ),
    }
)


class TranscriptFile:
    """Transcripts of one model, which are read from a file and saved to it.

    Args:
        path: of the file, which need not exist
        identity: of the model
        transcripts: by the digest of the recording
    """

    def __init__(
        self,
        path: Path,
        identity: RecogniserIdentity,
        transcripts: Mapping[str, Transcript],
    ):
        self.path, self.identity = path, identity
        self.transcripts = dict(transcripts)
        self._due = 0.0  # time from which the next transcript is saved at once

    def add(self, content: str, transcript: Transcript) -> None:
        """Add a transcript, and save all if the last time was long enough ago.

        Saving a large file takes long. So it takes at most about a twentieth of the
        time, and a killed process loses only the transcripts since then.

        Args:
            content: digest of the recording
            transcript: of the recording
        """
        self.transcripts[content] = transcript
        if monotonic() >= self._due:
            self.save()

    def save(self) -> None:
        """Write all transcripts atomically, unless the file has them already.

        Raises:
            OSError: if the file cannot be written
        """
        began = monotonic()
        write_and_list(self.path, self._pieces())
        ended = monotonic()
        self._due = ended + REST * (ended - began)

    def _pieces(self) -> Iterator[bytes]:
        """Yield the file line by line."""
        head = {"format": FORMAT, "recogniser": asdict(self.identity)}
        yield f'{json.dumps(head)[:-1]}, "transcripts": {{'.encode()
        for number, (content, transcript) in enumerate(
            sorted(self.transcripts.items())
        ):
            line = f"{json.dumps(content)}: {json.dumps(asdict(transcript))}"
            yield f"{',' if number else ''}\n{line}".encode()
        yield b"\n}}\n"


def open_transcripts(path: Path, identity: RecogniserIdentity) -> TranscriptFile:
    """Return the transcripts of a model for a corpus; none if there is no file yet.

    Args:
        path: of the file
        identity: of the model

    Raises:
        DamagedFileError: if the file is damaged
    """
    if not path.exists():
        return TranscriptFile(path, identity, {})
    return TranscriptFile(path, identity, read_transcripts(path).transcripts)


def read_transcripts(path: Path) -> TranscriptFile:
    """Return the transcripts in a file.

    Args:
        path: of the file

    Raises:
        FileNotFoundError: if there is no such file
        DamagedFileError: if the file is damaged
    """
    values: dict[str, Any] = read_json(path, KIND, advice=ADVICE, limit=TABLE)
    facts = values["recogniser"]
    options = RecognitionOptions(**facts["options"])
    identity = RecogniserIdentity(**{**facts, "options": options})
    found = {
        content: Transcript(
            tuple(TranscriptSegment(**each) for each in entry["segments"]),
            entry["language"],
        )
        for content, entry in values["transcripts"].items()
    }
    return TranscriptFile(path, identity, found)


def find_transcripts(cache: Path, corpus: str, name: str) -> TranscriptFile:
    """Return the transcripts of a corpus that a name selects.

    Args:
        cache: folder of all caches
        corpus: name of the corpus
        name: label, or a label without its digits if only one label has this name

    Raises:
        OptionError: if no transcripts, or several, have this name
        DamagedFileError: if the file is damaged
    """
    folder = CorpusFolder(cache / corpus)
    labels = folder.transcript_labels()
    found = [label for label in labels if name == label]
    found = found or [label for label in labels if name == label.rpartition("-")[0]]
    if len(found) == 1:
        return read_transcripts(folder.transcript_file(found[0]))
    if found:
        raise OptionError(
            f"--transcripts {name}: there are {', '.join(found)}, which differ in "
            f"weights, precision or options; choose one of them"
        )
    raise OptionError(
        f"--transcripts {name}: the corpus '{corpus}' has no such transcripts in "
        f"{cache}; make them with the command transcribe, or choose from "
        f"{', '.join((GOLD, *labels))}{hint(name, labels)}"
    )
