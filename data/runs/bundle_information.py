"""Description of a bundle in ``bundle.json``: ratings, models and encoders."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from affuse.data.errors import DamagedFileError
from affuse.data.rating_scales import RATINGS
from affuse.data.records import NATURES, Member
from affuse.data.runs.bundle_folder import ADVICE, ENCODER, MODEL, BundleFolder
from affuse.data.runs.run_information import MEMBER, read_members
from affuse.data.system.atomic_files import publish
from affuse.data.system.documents import read_json
from affuse.data.system.schema import (
    ListOf,
    Maybe,
    Number,
    OneOf,
    Record,
    Text,
    Whole,
)

FORMAT = 1
WORD = Text(1_000)
NAME = Text(200, least=1)
KIND = Record(
    {
        "format": OneOf((FORMAT,)),
        "version": WORD,
        **dict.fromkeys(("name", "design", "corpus", "protocol"), NAME),
        "nature": OneOf(NATURES),
        "targets": ListOf(OneOf(RATINGS), most=len(RATINGS), least=1),
        "scale": Maybe(ListOf(Number(), most=2, least=2)),
        "folds": Whole(least=1, most=10**6),
        "models": ListOf(NAME, least=1),
        "encoders": ListOf(
            Record(
                dict.fromkeys(("modality", "encoder", "checkpoint", "weights"), NAME)
                | dict.fromkeys(("revision", "licence", "folder"), WORD)
            ),
            most=1_000,
        ),
    },
    {"members": ListOf(MEMBER, most=100, least=2)},
)


@dataclass(frozen=True)
class BundledEncoder:
    """Encoder that the models of a bundle need, and where it is."""

    modality: str  # plug-in in data/modalities
    encoder: str  # plug-in in extract/encoders
    checkpoint: str  # name on the hub, "mini", or name of the folder it came from
    revision: str  # commit on the hub; "" for others
    weights: str  # digest of the tensors, as in the recipes of the models
    licence: str = ""  # identifier such as "apache-2.0"; "" if it is not known
    folder: str = ""  # in the bundle, such as "encoders/audio-0"; "": only referenced

    @property
    def key(self) -> tuple[str, ...]:
        """Facts that identify the encoder and its weights, see `encoder_key`."""
        origin = self.checkpoint, self.revision, self.weights
        return (self.modality, self.encoder, *origin)


@dataclass(frozen=True)
class BundleInfo:
    """Description of a bundle, without any name of a fold, speaker or utterance."""

    version: str  # of this project
    name: str  # of the run
    design: str
    corpus: str  # that the models were trained on
    nature: str  # of its ratings, one of affuse.data.records.NATURES
    protocol: str
    targets: tuple[str, ...]  # names of the ratings, in order of columns
    scale: tuple[float, float] | None  # of the ratings as released; None: not known
    folds: int  # number of folds, whose names are replaced by numbers
    models: tuple[str, ...]  # folders in the bundle, such as "models/0/seed-0"
    encoders: tuple[BundledEncoder, ...]
    members: tuple[Member, ...] = ()  # of a training set of several corpora


def write_bundle_info(folder: Path, info: BundleInfo) -> None:
    """Write bundle.json; equal descriptions give equal bytes.

    Args:
        folder: of the bundle
        info: description to write
    """
    content = {"format": FORMAT, **asdict(info)}
    if not info.members:
        del content["members"]  # which older versions do not know
    text = json.dumps(content, indent=1) + "\n"
    publish(BundleFolder(folder).info, text.encode())


def read_bundle_info(folder: Path) -> BundleInfo:
    """Return the description of a bundle, read from bundle.json.

    Args:
        folder: of the bundle

    Raises:
        FileNotFoundError: if there is no bundle.json
        DamagedFileError: if it is not as `write_bundle_info` wrote it
    """
    path = BundleFolder(folder).info
    try:
        facts = read_json(path, KIND, advice=ADVICE)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{path} not found; {folder} is not the folder of a bundle"
        ) from error
    del facts["format"]
    encoders = tuple(BundledEncoder(**each) for each in facts["encoders"])
    scale = tuple(facts["scale"]) if facts["scale"] else None
    lists = {name: tuple(facts[name]) for name in ("targets", "models")}
    more = {"encoders": encoders, "scale": scale, "members": read_members(facts)}
    info = BundleInfo(**{**facts, **lists, **more})
    for fault in _faults(info):
        raise DamagedFileError(f"{path} is damaged: {fault}; {ADVICE}")
    return info


def _faults(info: BundleInfo) -> list[str]:
    """Return clauses on values that the schema cannot check."""
    ordered = tuple(name for name in RATINGS if name in info.targets)
    folders = [e.folder for e in info.encoders if e.folder]
    faults = [
        f"{name!r} is no folder of a model"
        for name in info.models
        if not _is_model(name)
    ]
    faults += [
        f"{name!r} is no folder of an encoder"
        for name in folders
        if not ENCODER.fullmatch(name)
    ]
    for names in (info.models, folders):
        if len(set(names)) < len(names):
            faults.append("it names a folder twice")
    if ordered != info.targets:
        faults.append(f"the ratings {list(info.targets)} are not in the usual order")
    if info.scale is not None and not info.scale[0] < info.scale[1]:
        faults.append(f"the scale {list(info.scale)} does not rise")
    return faults


def _is_model(name: str) -> bool:
    """Return True if a name is that of the folder of a model."""
    return bool(MODEL.fullmatch(name))
