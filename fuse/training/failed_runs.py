"""Record of failed trainings in a run folder, which reports read later.

An interrupted training resumes when its command is repeated. A failed training fails
again with the same settings, so a report must distinguish the two.
"""

from collections.abc import Sequence
from pathlib import Path

from affuse.data.errors import AffuseError
from affuse.data.runs.run_folder import RunFolder
from affuse.data.system import digests
from affuse.data.system.regular_files import SMALL
from affuse.data.terminal import printable

SHOWN = 500  # characters of a sentence
INTERRUPTED = "its training was interrupted; repeat its train command"


def record_failures(folder: Path, errors: Sequence[AffuseError]) -> None:
    """Write the errors of the last training of a run, and delete earlier ones.

    Args:
        folder: of the run
        errors: one for each model that could not be trained
    """
    path = RunFolder(folder).failures
    if errors:
        lines = [printable(" ".join(str(error).split())) for error in errors]
        digests.write_and_list(path, ("\n".join(lines) + "\n").encode())
    elif path.exists():
        digests.add_digests(folder, {}, drop=[RunFolder.failures])
        path.unlink(missing_ok=True)


def explain_unfinished_run(folder: Path) -> str:
    """Return a clause that says why a run is unfinished and what to do next.

    Args:
        folder: of the run
    """
    try:
        content = digests.content(RunFolder(folder).failures, limit=SMALL)
    except FileNotFoundError:
        return INTERRUPTED
    except (OSError, AffuseError) as error:
        return f"the reason is unknown ({error}); repeat its train command"
    lines = content.decode(errors="replace").splitlines() or [""]
    more = f" (and {len(lines) - 1} more)" if lines[1:] else ""
    return (
        f"its training failed, and would fail again: {printable(lines[0][:SHOWN])}"
        f"{more}; train with other settings, and remove this folder"
    )
