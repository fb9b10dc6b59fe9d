"""The layers of the project: data <- extract, data <- fuse, all <- cli.

One exception: extract/finetune trains encoders together with what stage two trains, so
it imports `fuse`; nothing else of extract does.
"""

import ast
import configparser
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from data import environment

ROOT = Path(__file__).parents[1]
OURS = {"cli", "data", "extract", "fuse"}
BELOW = {  # what of ours each layer may import
    "data": {"data"},
    "extract": {"extract", "data"},
    "fuse": {"fuse", "data"},
    "cli.py": OURS,
}
ALSO = {"extract/finetune/": {"fuse"}}  # its settings, losses and designs
FORBIDDEN = {"data": {"torch", "transformers"}, "fuse": {"transformers"}}
HEAVY = {
    "av", "h5py", "librosa", "numpy", "sklearn", "soundfile", "soxr", "torch",
    "transformers",
}  # fmt: skip
# to import, or a C library that may be missing
SLOW = {"av", "librosa", "soundfile", "soxr"}
LINES, CLI_LINES = 250, 350
PACKAGES = {"sklearn": "scikit-learn"}  # import name to distribution, if they differ

FILES = ["cli.py"] + sorted(
    str(path.relative_to(ROOT))
    for layer in ("data", "extract", "fuse")
    for path in (ROOT / layer).rglob("*.py")
)


class Import(NamedTuple):
    package: str
    line: int
    inside: bool  # of a function, so that it costs nothing until it is called


def imports(source):
    """Every import of a module, by the first name of its path."""
    return list(_imports(ast.parse(source)))


@cache
def tree(file):
    """A file of ours, parsed once for all tests."""
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


@cache
def found_in(file):
    """Every import of a file of ours."""
    return list(_imports(tree(file)))


def _imports(tree):
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    inside = {child for function in functions for child in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found = ["." * node.level + (node.module or "")]
        else:
            continue
        for name in found:
            package = name.split(".")[0] or "."  # of this folder
            yield Import(package, node.lineno, node in inside)


def wrong(file, found):
    """Imports that a file of ours must not have."""
    layer = file.split("/")[0]
    more = (also for folder, also in ALSO.items() if file.startswith(folder))
    allowed = BELOW[layer].union(*more)
    refused = (OURS | {"."}) - allowed | FORBIDDEN.get(layer, set())
    return [i for i in found if i.package in refused]


@pytest.mark.parametrize("file", FILES)
def test_a_module_imports_only_what_is_below_it(file):
    assert wrong(file, found_in(file)) == []


@pytest.mark.parametrize("file", FILES)
def test_a_module_can_be_read_at_once(file):
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    assert len(lines) <= (CLI_LINES if file == "cli.py" else LINES)


@pytest.mark.parametrize("file", FILES)
def test_what_is_slow_or_may_be_missing_is_imported_where_it_is_used(file):
    found = found_in(file)
    slow = HEAVY if file == "cli.py" else SLOW
    assert [i for i in found if i.package in slow and not i.inside] == []


@pytest.mark.parametrize(
    ("file", "source", "count"),
    [
        ("data/x.py", "import data.store, json\nfrom data import store", 0),
        ("data/x.py", "from extract import run", 1),
        ("data/x.py", "def f():\n    import torch.nn as nn", 1),
        ("data/x.py", "from . import store\nfrom ..fuse import losses", 2),
        ("extract/x.py", "import transformers\nfrom data import parts", 0),
        ("extract/x.py", "from fuse.losses import ccc\nimport cli", 2),
        ("extract/finetune/x.py", "from fuse.losses import ccc", 0),
        ("extract/finetune/x.py", "import cli", 1),
        ("extract/distil/x.py", "from fuse.losses import ccc", 1),
        ("fuse/designs/x.py", "import torch\nfrom fuse import losses", 0),
        ("fuse/designs/x.py", "import extract.run\nimport transformers", 2),
        ("cli.py", "from data import plugins\nfrom fuse import train", 0),
    ],
)
def test_what_is_wrong_is_noticed(file, source, count):
    assert len(wrong(file, imports(source))) == count


def test_imports_inside_functions_are_told_from_others():
    source = "import a\nclass C:\n    import b\n    def f(self):\n        import c"
    assert [(i.package, i.inside) for i in imports(source)] == [
        ("a", False),
        ("b", False),
        ("c", True),
    ]


def test_help_needs_nothing_heavy():
    code = f"import cli, sys; print(*sorted({HEAVY} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_every_package_is_declared_and_every_declared_one_is_used():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = setup["options"]["install_requires"].split("\n")
    declared = {line.split()[0] for line in wanted if line}
    extras = setup["options.extras_require"]
    extra = "".join(extras[k] for k in ("adapters", "av", "cluster", "finetune")).split(
        "\n"
    )
    optional = {line.split()[0] for line in extra if line}
    used = {
        PACKAGES.get(i.package, i.package)
        for file in FILES
        for i in found_in(file)
        if i.package not in OURS | sys.stdlib_module_names
    }
    assert used == declared | optional
    needed = {PACKAGES.get(name, name) for name in environment.NEEDED}
    assert needed == declared
