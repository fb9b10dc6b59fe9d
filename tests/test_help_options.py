"""Help texts, and the options that every command has: -h, --version and --debug."""

import configparser
import re
import shlex
from pathlib import Path

import click
import pytest
from cli_calls import commands
from click.testing import CliRunner

from affuse import cli
from affuse.data.options.command_groups import OTHER
from affuse.data.options.option_fields import HEADINGS

ROOT = Path(cli.__file__).parent


def call(*words):
    return CliRunner().invoke(cli.main, [str(word) for word in words])


def test_version_prints_the_version_of_setup_cfg():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = call("--version")
    assert found.exit_code == 0
    assert found.output == f"affuse {setup['metadata']['version']}\n"


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_the_short_help_option_prints_the_same_help(words):
    assert call(*words, "-h").exit_code == 0
    assert call(*words, "-h").output == call(*words, "--help").output


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_the_option_debug(words):
    assert call(*words, "--help").output.count("--debug ") == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--debug", "check", "iemocap", "nowhere"),
        ("check", "--debug", "iemocap", "nowhere"),
        ("check", "iemocap", "nowhere", "--debug"),
        ("cache", "--debug", "list", "--cache", "nowhere"),
    ],
)
def test_debug_works_before_and_after_the_command_name(words, monkeypatch):
    monkeypatch.setattr("affuse.data.cache.cache_listing.listing", _missing)
    done = call(*words)
    assert done.exit_code == 1
    assert isinstance(done.exception, FileNotFoundError)


def _missing(cache):
    raise FileNotFoundError(str(cache))


def test_without_debug_an_error_has_no_traceback():
    done = call("check", "iemocap", "nowhere")
    assert isinstance(done.exception, SystemExit)
    assert not isinstance(done.exception, click.ClickException)


def test_a_command_without_a_parent_context_has_both_help_options():
    """click keeps the help option of the first context of a command."""
    alone = cli.main.commands["lint"].make_context("lint", ["--list"])
    assert alone.help_option_names == ["-h", "--help"]


# Contents of help texts

BARRED = ("Of", "What", "Which", "How", "So", "Said", "From")  # they begin fragments
GROUPS = (cli.bench, cli.cache, cli.main)


def command_of(words):
    command = cli.main
    for word in words:
        command = command.commands[word]
    return command


def single_commands():
    """Return the words of every command that is no group of commands."""
    return [w for w in commands() if command_of(w) not in GROUPS]


def help_of(words):
    wide = {"COLUMNS": "200"}  # width of the terminal
    done = CliRunner(env=wide).invoke(cli.main, [*words, "--help"])
    assert done.exit_code == 0
    return done.output


def examples(text):
    """Return the example commands of a help text."""
    joined = re.sub(r" \\\n +", " ", text)
    return re.findall(r"^ +((?:python cli\.py|affuse) .*)$", joined, re.MULTILINE)


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_help_has_valid_examples_and_fits_eighty_columns(words):
    text = help_of(words)
    assert max(map(len, text.splitlines())) <= 80
    found = examples(text)
    assert found
    for line in found:
        left, typed = words, shlex.split(line)[2:]
        command = cli.main
        while isinstance(command, click.Group):
            name, *rest = typed
            assert not left or name == left[0]
            command, typed, left = command.commands[name], rest, left[1:]
        command.make_context(name, typed)  # raises if an option is not known


@pytest.mark.parametrize("words", single_commands(), ids=" ".join)
def test_help_of_options_is_below_headings_and_in_sentences(words):
    text, command = help_of(words), command_of(words)
    found = re.findall(r"^(\w.*):$", text, re.MULTILINE)
    assert found == [name for name in (*HEADINGS, OTHER) if name in found]
    assert found[-1] == OTHER
    options = [p for p in command.params if isinstance(p, click.Option)]
    for option in options:
        if option.name != "debug":
            assert option.heading in found
        first, *_, last = option.help.split()
        assert first not in BARRED, option.name
        assert first[0].isupper()
        assert last[-1] in ".]", option.name
    paragraphs = command.help.replace("\b", "").split("\n\n")
    assert not {each.split()[0] for each in paragraphs} & {*BARRED}


def test_examples_start_with_the_name_that_was_typed(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/affuse"])
    for words in ([], *commands()):
        assert "python cli.py" not in help_of(words)
        assert all(line.startswith("affuse ") for line in examples(help_of(words)))
    monkeypatch.setattr("sys.argv", ["/a b/cli.py"])
    assert "python '/a b/cli.py' train --fusion" in help_of(["train"])
