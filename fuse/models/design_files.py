"""Designs from files that the user names with ``--design FILE.py``.

Such a file defines ``Fusion`` and the properties of a design, like the files in
fuse/models/designs. The stem of the file is the design's name. A run records path and
digest of the file, but the file is executed only when a command names it again.
"""

from collections.abc import Sequence
from pathlib import Path

from affuse.data import plugin_files, plugins
from affuse.data.errors import AffuseError, OptionError
from affuse.data.plugin_kinds import BASELINE_KIND, DESIGN_KIND
from affuse.data.runs.run_folder import RunFolder
from affuse.data.runs.run_information import DesignFile, RunInfo, read_info
from affuse.fuse.models import code_revisions
from affuse.fuse.models.design import Design


def use_files(paths: Sequence[Path]) -> tuple[str, ...]:
    """Execute files that define designs, and register the designs in this process.

    Args:
        paths: of the Python files

    Returns:
        the names of the designs

    Raises:
        OptionError: if a file is missing, cannot be a design's name, or two files have
            the same name
        AffuseError: if a file raises an error, or defines no design
    """
    stems = [path.stem for path in paths]
    if twice := [stem for stem in stems if stems.count(stem) > 1]:
        raise OptionError(
            f"two files would be the design '{twice[0]}', because a design is named "
            f"after its file; rename one of them"
        )
    names = tuple(plugins.add_file(DESIGN_KIND, path, Design.of) for path in paths)
    code_revisions.code_identity.cache_clear()  # files may have been edited
    for name in names:
        code_revisions.code_identity(name)  # cache the code that was executed
    return names


def use_run_files(run: Path, paths: Sequence[Path]) -> None:
    """Execute the file that defines the design of a run, if the run needs one.

    Args:
        run: folder of the run
        paths: of the files that the command names

    Raises:
        OptionError: if a file defines another design
        AffuseError: if the run needs a file that is not named, or as `use_files`
    """
    info = read_info(run) if RunFolder(run).info.is_file() else None
    if info and (other := [path for path in paths if path.stem != info.design]):
        raise OptionError(
            f"--design {other[0]} defines the design '{other[0].stem}', and {run} was "
            f"trained with '{info.design}'; leave the file out, or name another"
        )
    use_files(paths)
    if info and (lack := missing_file(info, run)):
        raise AffuseError(lack)


def design_file(fusion: str) -> DesignFile | None:
    """Return path and digest of the file that defines a design, or None.

    Args:
        fusion: name of the design
    """
    file = plugin_files.added_files(DESIGN_KIND).get(fusion)
    return DesignFile(str(file.path), file.sha256) if file else None


def missing_file(info: RunInfo, folder: Path) -> str:
    """Return a message that names the design file a run lacks, or "" if it lacks none.

    Args:
        info: of the run
        folder: of the run, or of one of its models
    """
    if info.design_file is None or info.design in plugins.names(DESIGN_KIND):
        return ""
    return (
        f"{folder} was trained with the design in the file {info.design_file.path}, "
        f"which is not run unless you name it; if you trust the file, add: "
        f"--design {info.design_file.path}"
    )


def demand_file(model: Path, fusion: str) -> None:
    """Raise an error if a model's design is in a file that the command does not name.

    Args:
        model: folder of a trained model, in the folder of its run
        fusion: name of its design

    Raises:
        AffuseError: naming the file and the option
    """
    kinds = (DESIGN_KIND, BASELINE_KIND)
    names = [*DESIGN_KIND.reserved, *(n for kind in kinds for n in plugins.names(kind))]
    run = model.parent.parent
    if fusion in names or not RunFolder(run).info.is_file():
        return
    if lack := missing_file(read_info(run), model):
        raise AffuseError(lack)
