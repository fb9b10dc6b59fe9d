"""Import rules of the package: data <- extract, data <- fuse, all <- cli.

Within extract, only `finetune`, `inference` and `commands` may import `fuse`, because
they train encoders together with a fusion design, or predict with one. Sub-packages do
not import each other in cycles.
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

BELOW = {  # layer: parts of this package that it may import
    "data": {"data"},
    "extract": {"extract", "data"},
    "fuse": {"fuse", "data"},
    "cli.py": {"cli", *LAYERS},
    "__init__.py": set(LAYERS),
}
ALSO = {
    "extract/finetune/": {"fuse"},
    "extract/inference/": {"fuse"},
    "extract/commands/": {"fuse"},
}
FORBIDDEN = {"data": {"torch", "transformers"}, "fuse": {"transformers"}}
HEAVY = {
    "h5py", "librosa", "numpy", "sklearn", "soundfile", "soxr", "torch", "transformers",
}  # fmt: skip
SLOW = {"librosa", "soundfile", "soxr"}  # slow imports, or a C library may be missing
LINES, CLI_LINES = 250, 350
PACKAGES = {"sklearn": "scikit-learn"}  # import name to distribution, if they differ


class Import(NamedTuple):
    package: str  # first name of the path; two names in this package: "affuse.data"
    line: int
    inside: bool  # True if the import is inside a function
    module: str  # complete path


def imports(source):
    """Return every import of a source text."""
    return list(_imports(ast.parse(source)))


@cache
def imports_of(file):
    """Return every import of a file of this package."""
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
            first = name.split(".")[0] or "."  # "." for a relative import
            if first == "affuse":
                first = ".".join(name.split(".")[:2])
            yield Import(first, node.lineno, node in inside, name)


def forbidden_imports(file, found):
    """Return the imports that a file of this package must not have."""
    layer = file.split("/")[0]
    more = (also for folder, also in ALSO.items() if file.startswith(folder))
    allowed = {f"affuse.{name}" for name in BELOW[layer].union(*more)}
    every = {f"affuse.{name}" for name in ("cli", *LAYERS)}
    refused = every - allowed | {"cli", *LAYERS, "."} | FORBIDDEN.get(layer, set())
    return [i for i in found if i.package in refused]


# A test of all files is much faster than a test for each of them.
def faults(check):
    """Return {file: faults} of the files in which a check finds any.

    Args:
        check: function that returns the faults of a file
    """
    return {file: found for file in FILES if (found := list(check(file)))}


def test_all_files_are_checked():
    assert len(FILES) > 400
    assert faults(lambda file: [file]) == {file: [file] for file in FILES}


def test_a_module_imports_only_what_is_below_it():
    assert faults(lambda file: forbidden_imports(file, imports_of(file))) == {}


def test_a_module_is_short():
    def excess(file):
        lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
        return lines[CLI_LINES if file == "cli.py" else LINES :]

    assert faults(excess) == {}


def test_slow_packages_are_imported_inside_functions():
    def slow_imports(file):
        slow = HEAVY if file == "cli.py" else SLOW
        found = imports_of(file)
        return [i for i in found if i.package in slow and not i.inside]

    assert faults(slow_imports) == {}


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
def test_forbidden_imports_are_detected(file, source, count):
    assert len(forbidden_imports(file, imports(source))) == count


def test_imports_inside_functions_are_distinguished():
    source = "import a\nclass C:\n    import b\n    def f(self):\n        import c"
    assert [(i.package, i.inside) for i in imports(source)] == [
        ("a", False),
        ("b", False),
        ("c", True),
    ]


def test_help_imports_no_large_package():
    code = f"import affuse.cli, sys; print(*sorted({HEAVY} & set(sys.modules)))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []


def test_setup_declares_exactly_the_packages_that_are_imported():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    wanted = setup["options"]["install_requires"].split("\n")
    declared = {line.split()[0] for line in wanted if line}
    extras = setup["options.extras_require"]
    extra = "".join(
        extras[k]
        for k in ("adapters", "av", "cluster", "finetune", "onnx", "opensmile", "plot")
    ).split("\n")
    optional = {line.split()[0] for line in extra if line}
    used = {
        PACKAGES.get(i.package, i.package)
        for file in FILES
        for i in imports_of(file)
        if not i.package.startswith("affuse")
        and i.package not in sys.stdlib_module_names
    }
    assert used == declared | optional
    needed = {PACKAGES.get(name, name) for name in environment.NEEDED}
    assert needed == declared


def package(module):
    """Return the sub-package of a module, or the module if it is in none."""
    names = module.split(".")
    return module if len(names) == 3 else ".".join(names[:-1])


@cache
def modules():
    """Return {module: file} of the layers; a package has the name of its folder."""
    found = {}
    for file in FILES[2:]:
        names = ["affuse", *Path(file).with_suffix("").parts]
        found[".".join(names[:-1] if names[-1] == "__init__" else names)] = file
    return found


@cache
def edges():
    """Return all imports between modules of the layers as (importing, imported)."""
    known, found = modules(), set()
    for module, file in known.items():
        for i in imports_of(file):
            name = i.module
            while name and name not in known:
                name = name.rpartition(".")[0]
            if name.count(".") >= 2:
                found.add((module, name))
    return found


def is_package(module):
    return modules()[module].endswith("__init__.py")


def test_sub_packages_do_not_import_each_other_in_cycles():
    graph = {}
    for a, b in edges():
        a, b = (m if is_package(m) else package(m) for m in (a, b))
        if a != b:
            graph.setdefault(a, set()).add(b)
    assert len(graph) > 40
    TopologicalSorter(graph).prepare()  # raises if there is a cycle


def test_file_names_are_unique():
    # The modalities audio and text share a name with their single-modality design.
    alone = {f"affuse.data.modalities.{name}" for name in ("audio", "text")}
    assert {n.replace("data.modalities", "fuse.models.designs") for n in alone} <= {
        *modules()
    }
    names = Counter(name.rpartition(".")[2] for name in modules().keys() - alone)
    folders = {name.rpartition(".")[2] for name in modules() if is_package(name)}
    twice = {name for name, number in names.items() if number > 1}
    assert twice - folders == set()


def test_private_modules_are_imported_in_their_folder_only():
    assert [
        (a, b)
        for a, b in edges()
        if b.rpartition(".")[2][0] == "_" and not a.startswith(b.rpartition(".")[0])
    ] == []


def test_setup_lists_all_packages():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    listed = setup["options"]["packages"].split()
    found = {"affuse"} | {
        ".".join(["affuse", *path.relative_to(ROOT).parts[:-1]])
        for layer in LAYERS
        for path in (ROOT / layer).rglob("__init__.py")
    }
    assert listed == sorted(found)


def test_a_command_imports_no_module_under_two_names():
    code = (
        "import runpy, sys; sys.argv = ['cli.py', '--version']\n"
        "try: runpy.run_path('cli.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "print({'data', 'extract', 'fuse', 'cli'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.splitlines()[-1] == "set()"


CONTRACTS = {"Encoder", "Fusion"}  # class that each plug-in of a kind must define


def test_class_names_are_unique():
    names = Counter(
        node.name
        for file in FILES
        for node in tree(file).body
        if isinstance(node, ast.ClassDef)
    )
    assert {name for name, count in names.items() if count > 1} == CONTRACTS


PUBLIC = {"extract_corpus", "train_designs", "ccc_table"}  # functions for notebooks
# modules that pass options to other libraries
PASSED_ON = ("extract/encoders/", "extract/audio/joined_streams.py")
UNTYPED = {"Any", "Mapping[str, Any]", "dict[str, Any]"}


def untyped_options(tree):
    """Yield options of a command that have no type, or are looked up by a string."""
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
                    yield from string_lookups(node, "options")
            if many:
                yield from string_lookups(node, many.arg)


def string_lookups(tree, name):
    """Yield string lookups in a mapping of this name, such as ``name["seeds"]``."""
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


def test_options_of_commands_are_records():
    def untyped(file):
        return [] if file.startswith(PASSED_ON) else untyped_options(tree(file))

    assert faults(untyped) == {}


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
def test_untyped_options_are_detected(source, count):
    assert len(list(untyped_options(ast.parse(source)))) == count


PARAMETERS = 8  # largest number of parameters of a function; use records for more


def parameters(function):
    """Return the names of the parameters of a function, without self and cls."""
    a = function.args
    found = [*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg))]
    return [one.arg for one in found if one.arg not in ("self", "cls")]


def functions_with_many_parameters(tree):
    """Return the functions of a module that have too many parameters."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    nodes = [node for node in ast.walk(tree) if isinstance(node, functions)]
    return [
        getattr(node, "name", "lambda")
        for node in nodes
        if len(parameters(node)) > PARAMETERS
    ]


def test_a_function_has_few_parameters():
    assert faults(lambda file: functions_with_many_parameters(tree(file))) == {}


def test_too_many_parameters_are_detected():
    eight = "def f(self, a, b, /, c, *d, e, f, g, **h): pass"
    nine = "async def f(a, b, c, d, e, f, g, h, i): pass"
    assert functions_with_many_parameters(ast.parse(eight)) == []
    assert functions_with_many_parameters(ast.parse(f"{eight}\n{nine}")) == ["f"]
    nine = "lambda a, b, c, d, e, f, g, h, i: a"
    assert functions_with_many_parameters(ast.parse(nine)) == ["lambda"]


TRAINABLE = "fuse/models/trainable"
LISTS = {  # names of the designs of one kind: the modules that define and read each
    "DECISIONS": {"fuse/models/decisions.py", f"{TRAINABLE}/decision_design.py"},
    "FITTED": {"fuse/models/baselines/__init__.py", f"{TRAINABLE}/baseline_design.py"},
}
DECIDING = "affuse.fuse.models.decisions.MODALITIES"  # these are design names too
# computes the decision weights, which differ between the designs of one kind
WEIGHS_VOTES = f"{TRAINABLE}/decision_fitting.py"
KIND_NAMES = {"latemean", "lateccc", "stacking", "pcaridge", "ridge", "svr", "zeroshot"}


def name_checks(file, tree):
    """Yield the lines of a module that distinguish kinds of designs by their names."""
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
    """Return True if a node compares something with the name of a special design."""
    return isinstance(node, ast.Compare) and any(
        isinstance(part, ast.Constant) and part.value in KIND_NAMES
        for part in ast.walk(node)
    )


def test_kinds_of_designs_are_not_distinguished_by_name():
    assert faults(lambda file: name_checks(file, tree(file))) == {}


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
def test_distinguishing_kinds_by_name_is_detected(file, source, lines):
    assert list(name_checks(file, ast.parse(source))) == lines
