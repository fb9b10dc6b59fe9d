"""What tells the rows of a table apart, in as few words as will do."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data.predictions import Run
from data.runs.info import RunInfo

ENCODER = ("checkpoint", "layers", "pooling")  # said of encoders that differ
UNRECORDED = "code not recorded"  # of runs that an older version made
UNSAID = ("design", "device", "experiment", "fusion", "label", "seeds")  # of settings


def details(runs: Sequence[Run]) -> list[str]:
    """Return the label of each run and what differs: encoders, settings, code.

    Encoders are named where they differ within the table; modalities, settings and the
    code of the design where they differ among runs of one design and label. Where rows
    would still be the same, the digest at the end of the run's name tells them apart.
    """
    infos = [run.info for run in runs]
    encoders = _differing([dict(_encoders(info)) for info in infos])
    found = []
    for info, pieces in zip(infos, encoders, strict=True):
        alike = [i for i in infos if (i.design, i.label) == (info.design, info.label)]
        settings = _differing([dict(_flat(i.settings)) for i in alike])
        own = settings[alike.index(info)]
        words = [info.label]
        if len({tuple(sorted(i.encoders)) for i in alike}) > 1:
            words.append("+".join(sorted(info.encoders)))  # ridge takes what there is
        words += _encoder_words(pieces)
        words += [f"{name}={_plain(value)}" for name, value in own.items()]
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


def describe(modality: str, encoder: Mapping[str, Any]) -> str:
    """One encoder in words.

    Examples:
        >>> describe("text", {"checkpoint": "bert", "layers": [4, 5, 6]})
        'text: bert, layers 4-6'
    """
    words = [str(encoder.get("checkpoint") or encoder.get("encoder", "unknown"))]
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
        else:
            yield f"{modality} {value}"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested settings by dotted names, without those that every row says anyway."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif prefix or name not in UNSAID:
            yield f"{prefix}{name}", value


def _plain(value: object) -> str:
    """A setting as one would type it."""
    if isinstance(value, list | tuple):
        return "+".join(_plain(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _layers(layers: Sequence[int]) -> str:
    """``layer 12``, ``layers 0-12`` or ``layers 3, 6``."""
    numbers = [int(layer) for layer in layers]
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"layers {numbers[0]}-{numbers[-1]}"
    return f"layers {', '.join(map(str, numbers))}"
