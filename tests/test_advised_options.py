"""Each option that a message advises is an option of the command that prints it."""

import ast
import re
from functools import cache

import click
import pytest
from source_files import FILES, tree

from affuse import cli

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
OTHERS = {"--nthreads", "--resources", "--array"}  # options of dask and of Slurm
SHARED = ("extract", "distil")  # commands that share the code for encoding
# Commands that use a package or a module; the first match counts. A message there may
# name an option of another command if it names that command too.
OWNERS = {
    "extract/distil": ("distil",),
    "extract/finetune/bench": ("bench finetune",),
    "extract/finetune": ("finetune",),
    "extract/bench/encoding_ways.py": (),  # names rows of its table
    "extract/bench": ("bench extract",),
    "extract/encoders": SHARED,
    "extract/caching/part_building.py": SHARED,
    "extract/audio/decoding.py": SHARED,
    "data/cache/part_arrays.py": SHARED,
    "fuse/bench": ("bench train",),
    "fuse/sweep": ("sweep",),
    "fuse/calibration": ("calibrate",),
    "fuse/robustness/ablation.py": ("ablate",),
}
# `distil` does not set these options for a teacher, so a message about them can only
# concern a command that was called with them.
ONLY_EXPLICIT = {"--head", "--block-seconds"}
DIFFERENT = {"--layers", "--batch"}  # of the student in `distil`, not of the teacher


def commands(group=cli.main, start=""):
    """Return {name: options} of every command; one name is "bench train"."""
    found = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands(command, f"{start}{name} ")
        else:
            options = (p for p in command.params if isinstance(p, click.Option))
            found[start + name] = {
                o for p in options for o in (*p.opts, *p.secondary_opts)
            }
    return found


def text_of_literal(node):
    """Return the text of a literal with {} for its fields; None for other nodes."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of_literal(part) or "{}" for part in node.values)
    return None


def docstrings(nodes):
    """Yield the docstrings, which are not messages."""
    kinds = (ast.Module, ast.FunctionDef, ast.ClassDef)
    for node in nodes:
        if isinstance(node, kinds) and isinstance(node.body[0], ast.Expr):
            yield node.body[0].value


@cache
def messages():
    """Return module, line and text of every literal that names an option."""
    return [message for file in FILES[2:] for message in messages_of(file)]


def messages_of(file):
    """Yield module, line and text of each such literal of one module."""
    nodes = list(ast.walk(tree(file)))
    skipped = set(docstrings(nodes))
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
    for node in nodes:
        text = None if node in skipped else text_of_literal(node)
        if text and " " in text and OPTION.search(text):
            yield file, node.lineno, text


@cache
def all_commands():
    """Return {name: options} of every command of the program."""
    return commands()


def foreign_options(module, text):
    """Return the options that a message names and that its command does not have."""
    options = all_commands()
    every = set().union(*options.values(), {"--help"})
    named = set(OPTION.findall(text)) - OTHERS - {"--"}
    owners = next((o for place, o in OWNERS.items() if module.startswith(place)), ())
    theirs = [options[owner] for owner in owners]
    theirs += [has for name, has in options.items() if re.search(rf"\b{name}\b", text)]
    if len(owners) > 1:  # only shared options, except those of a named command
        theirs = [*theirs[len(owners) :], set.intersection(*theirs[: len(owners)])]
        theirs[-1] -= set() if "--head" in named else DIFFERENT
        theirs.append(ONLY_EXPLICIT)
    allowed = set().union(*theirs) if owners else every
    return sorted(named - allowed)


def test_messages_and_commands_are_found():
    assert len(messages()) > 100
    assert "--teacher-layers" in all_commands()["distil"]


def test_messages_name_options_of_the_command_that_prints_them():
    found = [
        f"{module}:{line}: {', '.join(strange)}"
        for module, line, text in messages()
        if (strange := foreign_options(module, text))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("module", "text", "strange"),
    [
        (
            "fuse/commands/design_training.py",
            "take --no-such-option",
            ["--no-such-option"],
        ),
        ("extract/distil/x.py", "raise --max-seconds", ["--max-seconds"]),
        ("extract/distil/x.py", "for extract, raise --max-seconds", []),
        ("extract/audio/decoding.py", "raise --max-seconds", ["--max-seconds"]),
        ("extract/audio/decoding.py", "or, for extract, raise --max-seconds", []),
        ("extract/encoders/x.py", "take --revision", []),
        ("extract/encoders/x.py", "take --layers last", ["--layers"]),
    ],
)
def test_an_option_of_another_command_is_found(module, text, strange):
    assert foreign_options(module, text) == strange
