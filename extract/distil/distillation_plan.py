"""Record of the options of one distillation."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from affuse.data.errors import OptionError
from affuse.extract.distil.distillation_loop import Schedule
from affuse.extract.distil.student_size import StudentSize
from affuse.extract.encoding.choices import Choice, Machine


@dataclass(frozen=True)
class DistillationPlan:
    """Plan of a distillation: teacher, data, student and schedule."""

    teacher: Choice
    data: tuple[Path, ...]
    output: Path
    size: StudentSize
    schedule: Schedule
    batch: int  # recordings or texts
    held_out: float  # share of the data
    speeds: tuple[float, ...]  # of speech
    cache: Path
    machine: Machine
    credits: tuple[str, ...] = ()  # data and licences, in the user's words
    licence: str = ""  # of the student

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise OptionError(f"--batch must be at least 1, got {self.batch}")
        if self.speeds and not all(0.3 <= speed <= 3 for speed in self.speeds):
            raise OptionError("--speeds must lie between 0.3 and 3")

    def settings(self) -> dict[str, Any]:
        """Return the settings that determine the student, besides teacher and data."""
        return {
            "modality": self.teacher.modality,
            "size": asdict(self.size),
            "schedule": asdict(self.schedule),
            "batch": self.batch,
            "held_out": self.held_out,
            "speeds": list(self.speeds),
        }

    def identity(self, recipes: list[str]) -> str:
        """Return a digest of everything that determines the student.

        Args:
            recipes: of the teacher's embeddings, which state its weights and the data

        Returns:
            16 hexadecimal digits
        """
        text = json.dumps({**self.settings(), "teacher": recipes}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
