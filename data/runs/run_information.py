"""Description of a run in ``run.json``: corpus, design, encoders and settings."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from affuse.data.errors import AffuseError, DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import NATURES, Member
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import (
    Kind,
    ListOf,
    MapOf,
    Maybe,
    Number,
    OneOf,
    Plain,
    Record,
    Text,
    Whole,
)

ADVICE = "train again, or remove its folder"
WORD = Text(1_000)
ENCODER_FIELDS: Mapping[str, Kind] = {
    **dict.fromkeys(("encoder", "checkpoint", "revision"), WORD),
    "layers": ListOf(Whole(most=10_000), most=10_000),
    **dict.fromkeys(("pooling", "transcripts"), WORD),
}
ENCODER = Record({}, ENCODER_FIELDS, others=Plain(depth=2))  # one of several
MEMBER = Record(
    {
        "name": Text(200, least=1),
        "nature": OneOf(NATURES),
        "scale": Maybe(ListOf(Number(), least=2, most=2)),
    },
    {"reader": WORD, "shortfall": WORD},
)
KIND = Record(
    {
        "name": WORD,
        "design": Text(200, least=1),
        "corpus": Text(200, least=1),
        "nature": OneOf(NATURES),
        "protocol": Text(200, least=1),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "encoders": MapOf(
            Record(
                {},
                {**ENCODER_FIELDS, "encoders": ListOf(ENCODER, most=100, least=1)},
                others=Plain(depth=2),
            ),
            most=100,
        ),
        "settings": MapOf(Plain(depth=4), most=1_000),
    },
    {
        "label": WORD,
        "parameters": Whole(),
        "versions": MapOf(WORD, most=1_000),
        "shortfall": WORD,
        "code": WORD,
        "scale": Maybe(ListOf(Number(), least=2, most=2)),
        "design_file": Record({"path": Text(5_000, least=1), "sha256": Text(64)}),
        "members": ListOf(MEMBER, most=100, least=2),
    },
)


@dataclass(frozen=True)
class DesignFile:
    """File of the user that defines a design, at the time when a run was trained."""

    path: str  # absolute, on the training machine; it is data, and is never run
    sha256: str  # of its bytes


@dataclass(frozen=True)
class RunInfo:
    """Description of a run, with all that a table prints beside its figures."""

    name: str  # of the run folder
    design: str
    corpus: str
    nature: str  # of the corpus, one of affuse.data.records.NATURES
    protocol: str
    targets: tuple[str, ...]  # those of affuse.data.rating_scales.RATINGS in the corpus
    encoders: Mapping[str, Mapping[str, Any]]  # modality -> encoder, checkpoint, ...
    settings: Mapping[str, Any]
    label: str = ""  # name of the experiment, or ""
    parameters: int = 0  # number of trainable parameters of one model
    versions: Mapping[str, str] = field(default_factory=dict)
    shortfall: str = ""  # as in `Corpus`
    code: str = ""  # identity of the design's code; "" in runs of older versions
    scale: tuple[float, float] | None = None  # of the ratings as released, see `Corpus`
    design_file: DesignFile | None = None  # None: no user file is needed
    members: tuple[Member, ...] = ()  # of a training set of several corpora

    def __post_init__(self) -> None:
        ordered = tuple(name for name in RATINGS if name in self.targets)
        if not ordered or ordered != tuple(self.targets):
            raise AffuseError(
                f"run '{self.name}' predicts {list(self.targets)}; it must be some of "
                f"{', '.join(RATINGS)}, in that order"
            )
        if self.nature not in NATURES:
            raise AffuseError(
                f"run '{self.name}' has nature {self.nature!r}; it must be one of "
                f"{', '.join(NATURES)}"
            )
        if self.scale is not None and not self.scale[0] < self.scale[1]:
            raise AffuseError(
                f"run '{self.name}' has the scale {self.scale[0]:g} to "
                f"{self.scale[1]:g}, which does not rise; state its lowest rating first"
            )


def write_info(folder: Path, info: RunInfo) -> None:
    """Write run.json atomically; equal descriptions give equal bytes.

    Args:
        folder: of the run
        info: description to write
    """
    content = {f.name: getattr(info, f.name) for f in fields(info)}
    if info.design_file is None:  # so that other runs have the same bytes as before
        del content["design_file"]
    else:
        content["design_file"] = asdict(info.design_file)
    if info.members:
        content["members"] = [asdict(member) for member in info.members]
    else:
        del content["members"]
    text = json.dumps(content, indent=2, sort_keys=True, default=_plain) + "\n"
    publish(RunFolder(folder).info, text.encode())


def _plain(value: object) -> object:
    """Return a mapping as a dict, which the JSON encoder accepts."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r} of a run cannot be written as JSON")


def read_info(folder: Path) -> RunInfo:
    """Return the description of a run, read from run.json.

    Args:
        folder: of the run

    Raises:
        FileNotFoundError: if there is no run.json
        DamagedFileError: if run.json is not as `write_info` wrote it
    """
    path = RunFolder(folder).info
    try:
        facts = read_json(path, KIND, advice=ADVICE)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} not found; {folder} is not a run folder"
        ) from error
    try:
        scale = tuple(facts["scale"]) if facts.get("scale") else None
        file = DesignFile(**facts["design_file"]) if "design_file" in facts else None
        members = read_members(facts)
        parts = {"targets": tuple(facts["targets"]), "scale": scale}
        more = {"design_file": file, "members": members}
        return RunInfo(**{**facts, **parts, **more})
    except AffuseError as error:
        raise DamagedFileError(f"{path} is damaged: {error}; {ADVICE}") from error


def read_members(facts: Mapping[str, Any]) -> tuple[Member, ...]:
    """Return the corpora of a training set of several.

    Args:
        facts: values of a file, in which ``members`` is a list of `MEMBER`, or missing
    """
    return tuple(
        Member(**{**each, "scale": tuple(each["scale"]) if each["scale"] else None})
        for each in facts.get("members", ())
    )
