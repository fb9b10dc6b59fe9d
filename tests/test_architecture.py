"""The layers of the package: data <- extract, data <- fuse, all <- cli.

Within extract, only `finetune` and `commands` may import `fuse`: they train encoders
together with what stage two trains. No sub-package imports one that imports it.
"""

import ast
import configparser
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest
from locations import ROOT
from source_files import FILES, LAYERS, tree

from affuse.data.system import environment

BELOW = {  # what of ours each layer may import
    "data": {"data"},
    "extract": {"extract", "data"},
    "fuse": {"fuse", "data"},
    "cli.py": {"cli", *LAYERS},
    "__init__.py": set(LAYERS),
}
ALSO = {"extract/finetune/": {"fuse"}, "extract/commands/": {"fuse"}}
FORBIDDEN = {"data": {"torch", "transformers"}, "fuse": {"transformers"}}
HEAVY = {
    "h5py", "librosa", "numpy", "sklearn", "soundfile", "soxr", "torch", "transformers",
}  # fmt: skip
SLOW = {"librosa", "soundfile", "soxr"}  # to import, or a C library that may be missing
LINES, CLI_LINES = 250, 350
PACKAGES = {"sklearn": "scikit-learn"}  # import name to distribution, if they differ


class Import(NamedTuple):
    package: str  # the first name of its path; of ours, "affuse.data" and so on
    line: int
    inside: bool  # of a function, so that it costs nothing until it is called
    module: str  # the whole path


def imports(source):
    """Every import of a module."""
    return list(_imports(ast.parse(source)))


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
            base = "." * node.level + (node.module or "")
            found = [f"{base}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in found:
            first = name.split(".")[0] or "."  # of this folder
            if first == "affuse":
                first = ".".join(name.split(".")[:2])
            yield Import(first, node.lineno, node in inside, name)


def wrong(file, found):
    """Imports that a file of ours must not have."""
    layer = file.split("/")[0]
    more = (also for folder, also in ALSO.items() if file.startswith(folder))
    allowed = {f"affuse.{name}" for name in BELOW[layer].union(*more)}
    every = {f"affuse.{name}" for name in ("cli", *LAYERS)}
    refused = every - allowed | {"cli", *LAYERS, "."} | FORBIDDEN.get(layer, set())
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
        ("data/x.py", "import affuse.data.files, json\nfrom affuse.data import a", 0),
        ("data/x.py", "from affuse.extract import run", 1),
        ("data/x.py", "def f():\n    import torch.nn as nn", 1),
        ("data/x.py", "from . import store\nfrom ..fuse import losses", 2),
        ("data/x.py", "import data\nfrom data import store", 2),
        ("extract/x.py", "import transformers\nfrom affuse.data import parts", 0),
        ("extract/x.py", "from affuse.fuse.losses import a\nimport affuse.cli", 2),
        ("extract/finetune/x.py", "from affuse.fuse.losses import ccc", 0),
        ("extract/finetune/x.py", "from affuse import cli", 1),
        ("extract/distil/x.py", "from affuse.fuse.losses import ccc", 1),
        ("fuse/models/x.py", "import torch\nfrom affuse.fuse import losses", 0),
        ("fuse/models/x.py", "import affuse.extract.a\nimport transformers", 2),
        ("cli.py", "from affuse.data import plugins\nfrom affuse.fuse import a", 0),
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
    code = f"import affuse.cli, sys; print(*sorted({HEAVY} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_every_package_is_declared_and_every_declared_one_is_used():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = setup["options"]["install_requires"].split("\n")
    declared = {line.split()[0] for line in wanted if line}
    extras = setup["options.extras_require"]
    extra = "".join(
        extras[k] for k in ("adapters", "av", "cluster", "finetune", "opensmile")
    ).split("\n")
    optional = {line.split()[0] for line in extra if line}
    used = {
        PACKAGES.get(i.package, i.package)
        for file in FILES
        for i in found_in(file)
        if not i.package.startswith("affuse")
        and i.package not in sys.stdlib_module_names
    }
    assert used == declared | optional
    needed = {PACKAGES.get(name, name) for name in environment.NEEDED}
    assert needed == declared


def package(module):
    """The sub-package of a module; a module beside the sub-packages stands alone."""
    names = module.split(".")
    return module if len(names) == 3 else ".".join(names[:-1])


@cache
def modules():
    """{module: file} of the layers; a package is named after its folder."""
    found = {}
    for file in FILES[2:]:
        names = ["affuse", *Path(file).with_suffix("").parts]
        found[".".join(names[:-1] if names[-1] == "__init__" else names)] = file
    return found


@cache
def edges():
    """All imports between modules of the layers, as (from, to)."""
    known, found = modules(), set()
    for module, file in known.items():
        for i in found_in(file):
            name = i.module
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name.count(".") >= 2:
                found.add((module, name))
    return found


def is_package(module):
    return modules()[module].endswith("__init__.py")


def test_no_sub_package_imports_one_that_imports_it():
    graph = {}
    for a, b in edges():
        a, b = (m if is_package(m) else package(m) for m in (a, b))
        if a != b:
            graph.setdefault(a, set()).add(b)
    assert len(graph) > 40
    TopologicalSorter(graph).prepare()  # raises if there is a cycle


def test_a_file_name_is_used_once():
    # but for a modality and the design that takes it alone
    alone = {f"affuse.data.modalities.{name}" for name in ("audio", "text")}
    assert {n.replace("data.modalities", "fuse.models.designs") for n in alone} <= {
        *modules()
    }
    names = Counter(name.rpartition(".")[2] for name in modules().keys() - alone)
    folders = {name.rpartition(".")[2] for name in modules() if is_package(name)}
    twice = {name for name, number in names.items() if number > 1}
    assert twice - folders == set()


def test_what_begins_with_an_underscore_is_used_in_its_folder_alone():
    assert [
        (a, b)
        for a, b in edges()
        if b.rpartition(".")[2][0] == "_" and not a.startswith(b.rpartition(".")[0])
    ] == []


def test_the_list_of_packages_is_complete():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = setup["options"]["packages"].split()
    found = {"affuse"} | {
        ".".join(["affuse", *path.relative_to(ROOT).parts[:-1]])
        for layer in LAYERS
        for path in (ROOT / layer).rglob("__init__.py")
    }
    assert listed == sorted(found)


def test_after_a_command_no_module_has_a_second_name():
    code = (
        "import runpy, sys; sys.argv = ['cli.py', '--version']\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print({'data', 'extract', 'fuse', 'cli'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


CONTRACTS = {"Encoder", "Fusion"}  # what each plug-in of a kind offers by that name


def test_a_class_name_is_used_once():
    names = Counter(
        node.name
        for file in FILES
        for node in tree(file).body
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == CONTRACTS


PUBLIC = {"extract_corpus", "train_designs", "ccc_table"}  # which notebooks call
PASSED_ON = ("extract/encoders/", "extract/audio/joined_streams.py")  # to others
UNTYPED = {"Any", "Mapping[str, Any]", "dict[str, Any]"}


def loose_options(tree):
    """Options of a command that travel without a type, or are looked up by a text."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            spec, many = node.args, node.args.kwarg
            if many and many.arg in ("options", "found") and node.name not in PUBLIC:
                yield f"{node.name}(**{many.arg})"
            for each in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs):
                kind = ast.unparse(each.annotation) if each.annotation else ""
                if each.arg == "options" and kind in UNTYPED:
                    yield f"{node.name}(options: {kind})"
                if each.arg == "options":
                    yield from looked_up(node, "options")
            if many:
                yield from looked_up(node, many.arg)


def looked_up(tree, name):
    """What is looked up in a mapping of this name by a text: ``name["seeds"]``."""
    for node in ast.walk(tree):
        held, key = None, None
        if isinstance(node, ast.Subscript):
            held, key = node.value, node.slice
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("get", "pop") and node.args:
                held, key = node.func.value, node.args[0]
        is_text = isinstance(key, ast.JoinedStr) or (
            isinstance(key, ast.Constant) and isinstance(key.value, str)
        )
        if is_text and isinstance(held, ast.Name) and held.id == name:
            yield ast.unparse(node)


@pytest.mark.parametrize("file", FILES)
def test_options_of_commands_are_records(file):
    if not file.startswith(PASSED_ON):
        assert list(loose_options(tree(file))) == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(**found: Any): pass", 1),
        ("def f(options: dict[str, Any]): return options['seeds']", 2),
        ("def f(**values: Any): return values.get('seeds')", 1),
        ("def f(options: Train, m: str): return options[f'{m}_checkpoint']", 1),
        ("def f(options: Train, **changes: Any): return options.seeds", 0),
        ("def train_designs(**options: Any): return Train.from_values(**options)", 0),
    ],
)
def test_loose_options_are_noticed(source, count):
    assert len(list(loose_options(ast.parse(source)))) == count


PARAMETERS = 8  # of a function, at most; more belong into records


def parameters(function):
    """The names of the parameters of a function, but for the object or class itself."""
    a = function.args
    found = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [one.arg for one in found if one.arg not in ("self", "cls")]


def crowded(tree):
    """The functions of a module that have too many parameters."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    nodes = [node for node in ast.walk(tree) if isinstance(node, functions)]
    return [
        getattr(node, "name", "lambda")
        for node in nodes
        if len(parameters(node)) > PARAMETERS
    ]


@pytest.mark.parametrize("file", FILES)
def test_a_function_has_few_parameters(file):
    assert crowded(tree(file)) == []


def test_too_many_parameters_are_noticed():
    eight = "def f(self, a, b, /, c, *d, e, f, g, **h): pass"
    nine = "async def f(a, b, c, d, e, f, g, h, i): pass"
    assert crowded(ast.parse(eight)) == []
    assert crowded(ast.parse(f"{eight}\n{nine}")) == ["f"]
    assert crowded(ast.parse("lambda a, b, c, d, e, f, g, h, i: a")) == ["lambda"]


TRAINABLE = "fuse/models/trainable"
LISTS = {  # names of the designs of one kind: the modules that define and read each
    "DECISIONS": {"fuse/models/decisions.py", f"{TRAINABLE}/decision_design.py"},
    "FITTED": {"fuse/models/baselines/__init__.py", f"{TRAINABLE}/baseline_design.py"},
}
DECIDING = "affuse.fuse.models.decisions.MODALITIES"  # names of designs as well
# how votes are weighted differs between the designs of one kind
WEIGHS_VOTES = f"{TRAINABLE}/decision_fitting.py"
KIND_NAMES = {"latemean", "lateccc", "stacking", "pcaridge", "ridge", "svr", "zeroshot"}


def told_apart(file, tree):
    """Yield the lines of a module that tell kinds of designs apart by their names."""
    lists = {name for name, files in LISTS.items() if file not in files}
    for node in ast.walk(tree):
        names = {getattr(node, "id", ""), getattr(node, "attr", "")}
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            paths = {f"{node.module}.{name}" for name in names}
            if DECIDING in paths and not file.startswith(TRAINABLE):
                yield node.lineno
        if names & lists or (_compares(node) and file != WEIGHS_VOTES):
            yield node.lineno


def _compares(node):
    """Whether a node compares something with the name of a design of some kind."""
    return isinstance(node, ast.Compare) and any(
        isinstance(part, ast.Constant) and part.value in KIND_NAMES
        for part in ast.walk(node)
    )


@pytest.mark.parametrize("file", FILES)
def test_kinds_of_designs_are_not_told_apart_by_lists_of_names(file):
    assert list(told_apart(file, tree(file))) == []


@pytest.mark.parametrize(
    ("file", "source", "lines"),
    [
        ("fuse/training/x.py", "from affuse.fuse.models.baselines import FITTED", [1]),
        ("fuse/training/x.py", "a = 1\nb = baselines.FITTED", [2]),
        ("fuse/training/x.py", "if fusion in DECISIONS: pass", [1]),
        ("fuse/models/decisions.py", "DECISIONS = ('latemean',)", []),
        ("fuse/models/trainable/decision_design.py", "len(DECISIONS)", []),
        ("fuse/models/trainable/decision_design.py", "len(FITTED)", [1]),
        ("fuse/x.py", "from affuse.fuse.models.decisions import MODALITIES", [1]),
        ("fuse/x.py", "from affuse.data.cache.recipe import MODALITIES", []),
        ("fuse/x.py", "if fusion == 'zeroshot': pass", [1]),
        ("fuse/x.py", "if 'svr' != fusion: pass", [1]),
        ("fuse/x.py", "a = name in ('all', 'ridge')", [1]),
        ("fuse/x.py", "FIRST = ('ridge', 'svr')", []),
        ("fuse/x.py", "if fusion == 'all': pass", []),
    ],
)
def test_telling_kinds_apart_is_noticed(file, source, lines):
    assert list(told_apart(file, ast.parse(source))) == lines
