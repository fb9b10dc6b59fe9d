"""What tells the rows of a table apart, in as few words as will do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.contrasts import DIVISION, MISSING, flat, plain, uses

ENCODER = (
    "checkpoint",
    "revision",
    "layers",
    "pooling",
)  # said of encoders that differ
REVISION = 8  # digits of a commit that are shown
UNRECORDED = "code not recorded"  # of runs that an older version made


def details(runs: Sequence[Run]) -> list[str]:
    """Return the label of each run and what differs: encoders, settings, code.

    Encoders are named where they differ within the table. So is a setting that several
    rows use and that differs between them, which lets both rows of a comparison say in
    what they differ. Modalities, code and settings that a design does not use are named
    where they differ among runs of one design and label. Where rows would still be the
    same, the digest at the end of the run's name tells them apart.
    """
    infos = [run.info for run in runs]
    encoders = _differing([dict(_encoders(info)) for info in infos])
    settings = _settings(infos)
    found = []
    for info, pieces, own in zip(infos, encoders, settings, strict=True):
        alike = [i for i in infos if (i.design, i.label) == (info.design, info.label)]
        words = [info.label]
        if len({tuple(sorted(i.encoders)) for i in alike}) > 1:
            words.append("+".join(sorted(info.encoders)))  # ridge takes what there is
        words += _encoder_words(pieces)
        words += map(_assigned, own.items())
        if len({i.code for i in alike}) > 1:
            words.append(info.code or UNRECORDED)
        found.append(", ".join(word for word in words if word))
    names = list(zip((info.design for info in infos), found, strict=True))
    return [
        detail
        if names.count((info.design, detail)) == 1
        else ", ".join(word for word in (detail, info.name.rpartition("-")[2]) if word)
        for info, detail in zip(infos, found, strict=True)
    ]


def _settings(infos: Sequence[RunInfo]) -> list[dict[str, Any]]:
    """Return the settings of each run that are to be named, in the order recorded.

    One that a run did not record, and that another run of its kind did, is `MISSING`.
    """
    every = [flat(info.settings) for info in infos]
    names = dict.fromkeys(name for settings in every for name in settings)
    found: list[dict[str, Any]] = [{} for _ in infos]
    for name in names:
        users = [
            k
            for k, info in enumerate(infos)
            if name in DIVISION or uses(info.design, every[k], name)
        ]
        _add(found, every, name, users)
        for kind in {(info.design, info.label) for info in infos}:
            alike = [
                k
                for k, info in enumerate(infos)
                if (info.design, info.label) == kind
                and (k in users or name in every[k])  # not recorded and not used
            ]
            _add(found, every, name, alike)
    return found


def _add(
    found: Sequence[dict[str, Any]],
    every: Sequence[Mapping[str, Any]],
    name: str,
    among: Sequence[int],
) -> None:
    """Put a setting into the records of some runs, if it differs among them."""
    values = [every[k].get(name, MISSING) for k in among]
    if any(value != values[0] for value in values):
        for k, value in zip(among, values, strict=True):
            found[k][name] = value


def describe(modality: str, encoder: Mapping[str, Any]) -> str:
    """One encoder in words.

    Examples:
        >>> describe("text", {"checkpoint": "bert", "layers": [4, 5, 6]})
        'text: bert, layers 4-6'
    """
    words = [str(encoder.get("checkpoint") or encoder.get("encoder", "unknown"))]
    if encoder.get("revision"):
        words.append(f"revision {str(encoder['revision'])[:REVISION]}")
    if "layers" in encoder:
        words.append(_layers(encoder["layers"]))
    if "pooling" in encoder:
        words.append(f"{encoder['pooling']} pooling")
    return f"{modality}: {', '.join(words)}"


def _differing(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each record, the entries that differ from another record that has them."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            values.setdefault(name, []).append(value)
    differ = {n for n, found in values.items() if any(v != found[0] for v in found)}
    return [{n: v for n, v in record.items() if n in differ} for record in records]


def _encoders(info: RunInfo) -> Iterator[tuple[str, Any]]:
    """``("audio checkpoint", ...)`` and so on."""
    for modality, encoder in sorted(info.encoders.items()):
        for name in ENCODER:
            if name in encoder:
                yield f"{modality} {name}", encoder[name]


def _encoder_words(pieces: Mapping[str, Any]) -> Iterator[str]:
    """Differing encoders in words."""
    for place, value in pieces.items():
        modality, _, name = place.partition(" ")
        if name == "checkpoint":
            yield str(value).rpartition("/")[2]
        elif name == "layers":
            yield f"{modality} {_layers(value)}"
        elif name == "revision":
            yield f"{modality} revision {str(value)[:REVISION] or 'unknown'}"
        else:
            yield f"{modality} {value}"


def _assigned(setting: tuple[str, Any]) -> str:
    """Return a setting in words: ``latent=64``, or that it is not recorded."""
    name, value = setting
    return f"{name} {plain(value)}" if value == MISSING else f"{name}={plain(value)}"


def _layers(layers: Sequence[int]) -> str:
    """``layer 12``, ``layers 0-12`` or ``layers 3, 6``."""
    numbers = [int(layer) for layer in layers]
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"layers {numbers[0]}-{numbers[-1]}"
    return f"layers {', '.join(map(str, numbers))}"
