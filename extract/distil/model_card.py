"""Model card of a student: architecture, data, licences, recipe and results."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath

from affuse.data.modality import modality_named
from affuse.data.options.command_record import program
from affuse.extract.distil.distillation_loop import TrainingState
from affuse.extract.distil.distillation_plan import DistillationPlan

CLASSES = {"audio": "Wav2Vec2Model", "text": "DistilBertModel"}
ROWS = 6  # of the table, evenly spaced over the training


@dataclass(frozen=True)
class Facts:
    """Facts about a finished student."""

    plan: DistillationPlan
    teacher: str  # name of its checkpoint
    inputs: int  # recordings or texts
    parameters: int
    points: tuple[TrainingState, ...]


def text(facts: Facts) -> str:
    """Return the card as Markdown, with the header that Hugging Face reads."""
    plan, size = facts.plan, facts.plan.size
    modality = plan.teacher.modality
    nouns = modality_named(modality).nouns
    layers = f"{size.layers} layers of {size.width}, {size.heads} heads"
    if size.vocabulary:
        layers += f", {size.vocabulary:,} word pieces"
    credits = plan.credits or ("not stated; ask whoever trained it",)
    head = [f"license: {plan.licence}"] if plan.licence else []
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            *head,
            "---",
            "",
            f"# {plan.output.resolve().name}",
            "",
            f"A `{CLASSES[modality]}` of {facts.parameters:,} parameters ({layers}), "
            f"distilled from `{facts.teacher}` without any label.",
            "",
            "## Data and licences",
            "",
            f"{facts.inputs:,} {nouns}, {plan.held_out:.1%} held out.",
            "",
            *(f"* {line}" for line in credits),
            "",
            "## Recipe",
            "",
            "```sh",
            command(plan),
            "```",
            "",
            "## Course of the training",
            "",
            f"Cosine of student and teacher, layer(s) {plan.teacher.layers} of the "
            f"teacher, standardised, on held-out {nouns}:",
            "",
            "| steps | loss | held-out cosine |",
            "|---:|---:|---:|",
            *(
                f"| {p.step:,} | {p.loss:.3f} | {p.cosine:.3f} |"
                for p in _shown_states(facts.points)
            ),
            "",
        ]
    )


def _program() -> tuple[str, ...]:
    """Return the words that start the program, without the path of its folder."""
    *interpreter, script = program()
    return (*interpreter, PurePath(script).name)


def command(plan: DistillationPlan) -> str:
    """Return the command that repeats a distillation, with names instead of paths."""
    size, schedule = plan.size, plan.schedule
    words = [
        f"{' '.join(_program())} distil {plan.teacher.modality}",
        f"--teacher {plan.teacher.checkpoint.rstrip('/').rpartition('/')[2]}",
        f"--teacher-layers {plan.teacher.layers}",
        *(f"--data {path.name}" for path in plan.data),
        f"--layers {size.layers} --width {size.width} --heads {size.heads}",
        *([f"--vocabulary {size.vocabulary}"] if size.vocabulary else []),
        f"--steps {schedule.steps} --rate {schedule.rate:g} --batch {plan.batch}",
        *(
            [f"--speeds {','.join(f'{s:g}' for s in plan.speeds)}"]
            if plan.speeds
            else []
        ),
        f"--held-out {plan.held_out:g} --seed {schedule.seed}",
        f"--output {plan.output.resolve().name}",
    ]
    return " \\\n    ".join(words)


def _shown_states(points: Sequence[TrainingState]) -> list[TrainingState]:
    """Return at most `ROWS` of the states, evenly spaced, including the last one."""
    step = max(1, -(-len(points) // ROWS))
    return list(points[::-1][::step][::-1])


def history(points: Sequence[TrainingState]) -> str:
    """Return the states of a training as CSV."""
    content = io.StringIO()
    rows = csv.DictWriter(content, ["step", "loss", "cosine"], lineterminator="\n")
    rows.writeheader()
    rows.writerows(asdict(point) for point in points)
    return content.getvalue()
