"""Labels that distinguish the rows of a table: encoders, settings and code."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from affuse.data.cache.joined_recipe import SEPARATOR
from affuse.data.runs.run_information import RunInfo
from affuse.data.runs.run_predictions import Run
from affuse.fuse.reporting.contrasts import (
    DIVISION,
    flatten_settings,
    format_value,
    uses_setting,
)
from affuse.fuse.reporting.recorded_settings import ADDED, NOT_RECORDED, value_of

ENCODER = (
    "checkpoint",
    "revision",
    "layers",
    "pooling",
    "transcripts",
)  # entries of an encoder's record that labels may name
REVISION = 8  # number of digits of a commit in a label
TEXT, GOLD = "text", "gold"  # modality, and the name of a corpus's own transcripts
UNRECORDED = "code not recorded"  # label of runs that an older version trained


def row_details(runs: Sequence[Run]) -> list[str]:
    """Return the label of each run with its differences from other runs.

    Encoders are named if they differ within the table. A setting is named if several
    rows use it and its values differ, so that both rows of a comparison show the
    difference. Modalities, code and unused settings are named if they differ among runs
    of one design and label. If rows would still have equal labels, the digest at the
    end of the run's name is added.

    Args:
        runs: of a table
    """
    infos = [run.info for run in runs]
    encoders = _differing([dict(_encoders(info)) for info in infos])
    settings = _settings(infos)
    labels = []
    for info, pieces, assigned in zip(infos, encoders, settings, strict=True):
        kind = [i for i in infos if (i.design, i.label) == (info.design, info.label)]
        words = [info.label]
        # A baseline takes any number of modalities, so its label names them.
        if len({tuple(sorted(i.encoders)) for i in kind}) > 1:
            words.append("+".join(sorted(info.encoders)))
        words += [entry for _, entry in pieces.values()]
        words += map(_assigned, assigned.items())
        if len({i.code for i in kind}) > 1:
            words.append(info.code or UNRECORDED)
        labels.append(", ".join(word for word in words if word))
    names = list(zip((info.design for info in infos), labels, strict=True))
    return [
        detail
        if names.count((info.design, detail)) == 1
        else ", ".join(word for word in (detail, info.name.rpartition("-")[2]) if word)
        for info, detail in zip(infos, labels, strict=True)
    ]


def _settings(infos: Sequence[RunInfo]) -> list[dict[str, Any]]:
    """Return the settings of each run that its label names, in the order of the record.

    A setting is `NOT_RECORDED` if a run lacks it, but another run of its kind has it.
    """
    every = [flatten_settings(info.settings) for info in infos]
    found = dict.fromkeys(name for settings in every for name in settings)
    # Runs record added settings in part only, so their order is that of the program.
    names = [name for name in found if name not in ADDED]
    names += [name for name in ADDED if name in found]
    assigned: list[dict[str, Any]] = [{} for _ in infos]
    for name in names:
        users = [
            k
            for k, info in enumerate(infos)
            if name in DIVISION or uses_setting(info.design, every[k], name)
        ]
        _add(assigned, every, name, users)
        for kind in {(info.design, info.label) for info in infos}:
            # Runs that neither use nor record a setting are left out.
            same_kind = [
                k
                for k, info in enumerate(infos)
                if (info.design, info.label) == kind
                and (k in users or name in every[k])
            ]
            _add(assigned, every, name, same_kind)
    return assigned


def _add(
    assigned: Sequence[dict[str, Any]],
    every: Sequence[Mapping[str, Any]],
    name: str,
    among: Sequence[int],
) -> None:
    """Add a setting to the records of some runs if it differs among them."""
    values = [value_of(every[k], name) for k in among]
    if any(value != values[0] for value in values):
        for k, value in zip(among, values, strict=True):
            assigned[k][name] = value


def describe(modality: str, encoder: Mapping[str, Any]) -> str:
    """Return an encoder in words.

    Args:
        modality: of the encoder
        encoder: its record in run.json

    Examples:
        >>> describe("text", {"checkpoint": "bert", "layers": [4, 5, 6]})
        'text: bert, layers 4-6'
    """
    members = encoder.get("encoders", [encoder])
    return f"{modality}: {SEPARATOR.join(map(_described, members))}"


def _described(encoder: Mapping[str, Any]) -> str:
    """Return one encoder in words, without its modality."""
    words = [str(encoder.get("checkpoint") or encoder.get("encoder", "unknown"))]
    if encoder.get("revision"):
        words.append(f"revision {str(encoder['revision'])[:REVISION]}")
    if "layers" in encoder:
        words.append(_layers(encoder["layers"]))
    if "pooling" in encoder:
        words.append(f"{encoder['pooling']} pooling")
    if "transcripts" in encoder:
        words.append(_entry("transcripts", encoder["transcripts"]))
    return ", ".join(words)


def _differing(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the entries of each record whose values differ between records."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            values.setdefault(name, []).append(value)
    differ = {n for n, each in values.items() if any(v != each[0] for v in each)}
    return [{n: v for n, v in record.items() if n in differ} for record in records]


def _encoders(info: RunInfo) -> Iterator[tuple[str, tuple[Any, str]]]:
    """Yield pairs such as ``("audio layers", ([[0, 1]], "audio layers 0, 1"))``.

    An entry holds the values of all joined encoders of a modality, and their words.
    """
    for modality, encoder in sorted(info.encoders.items()):
        members = encoder.get("encoders", [encoder])
        for name in ENCODER:
            values = [member[name] for member in members if name in member]
            if name == "transcripts" and modality == TEXT:
                # A run on the transcripts of the corpus does not record their name.
                values = list({member.get(name, GOLD): None for member in members})
            if name == "revision" and not any(values):
                continue  # Local checkpoints have none.
            words = SEPARATOR.join(_entry(name, value) for value in values)
            if values:
                is_clear = name in ("checkpoint", "transcripts")
                lead = "" if is_clear else f"{modality} "
                yield f"{modality} {name}", (values, f"{lead}{words}")


def _entry(name: str, value: Any) -> str:
    """Return one entry of an encoder's record in words."""
    if name == "checkpoint":
        return str(value).rpartition("/")[2]
    if name == "layers":
        return _layers(value)
    if name == "transcripts":
        return "gold transcripts" if value == GOLD else f"transcripts of {value}"
    if name == "revision":
        return f"revision {str(value)[:REVISION] or 'unknown'}"
    return str(value)


def _assigned(setting: tuple[str, Any]) -> str:
    """Return a setting in words: ``latent=64`` or ``latent not recorded``."""
    name, value = setting
    mark = " " if value == NOT_RECORDED else "="
    return f"{name}{mark}{format_value(value)}"


def _layers(layers: Sequence[int]) -> str:
    """Return ``layer 12``, ``layers 0-12`` or ``layers 3, 6``."""
    numbers = [int(layer) for layer in layers]
    if len(numbers) == 1:
        return f"layer {numbers[0]}"
    if len(numbers) > 2 and numbers == list(range(numbers[0], numbers[-1] + 1)):
        return f"layers {numbers[0]}-{numbers[-1]}"
    return f"layers {', '.join(map(str, numbers))}"
