"""Options that every command has: -h, --version and --debug."""

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


def test_the_version_is_that_of_the_package():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    found = call("--version")
    assert found.exit_code == 0
    assert found.output == f"affuse {setup['metadata']['version']}\n"


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_the_short_option_shows_the_same_help(words):
    assert call(*words, "-h").exit_code == 0
    assert call(*words, "-h").output == call(*words, "--help").output


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_takes_debug_behind_its_name(words):
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
def test_debug_shows_the_traceback_wherever_it_stands(words, monkeypatch):
    monkeypatch.setattr("affuse.data.cache.cache_listing.listing", _missing)
    done = call(*words)
    assert done.exit_code == 1
    assert isinstance(done.exception, FileNotFoundError)


def _missing(cache):
    raise FileNotFoundError(str(cache))


def test_without_debug_there_is_one_sentence():
    done = call("check", "iemocap", "nowhere")
    assert isinstance(done.exception, SystemExit)
    assert not isinstance(done.exception, click.ClickException)


def test_a_context_without_a_parent_changes_no_help():
    """Click keeps the help option that a command had first."""
    alone = cli.main.commands["lint"].make_context("lint", ["--list"])
    assert alone.help_option_names == ["-h", "--help"]


# What each help says

BARRED = ("Of", "What", "Which", "How", "So", "Said", "From")  # begin half a sentence
GROUPS = (cli.bench, cli.cache, cli.main)


def command_of(words):
    command = cli.main
    for word in words:
        command = command.commands[word]
    return command


def leaves():
    """The words of every command that is no group of commands."""
    return [w for w in commands() if command_of(w) not in GROUPS]


def shown(words):
    wide = {"COLUMNS": "200"}  # of the terminal
    done = CliRunner(env=wide).invoke(cli.main, [*words, "--help"])
    assert done.exit_code == 0
    return done.output


def examples(text):
    """The commands of the examples of a help, as they are typed."""
    joined = re.sub(r" \\\n +", " ", text)
    return re.findall(r"^ +((?:python cli\.py|affuse) .*)$", joined, re.MULTILINE)


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_a_help_has_examples_and_fits_a_terminal(words):
    text = shown(words)
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


@pytest.mark.parametrize("words", leaves(), ids=" ".join)
def test_options_stand_below_headings_in_whole_sentences(words):
    text, command = shown(words), command_of(words)
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


def test_examples_start_the_program_as_it_was_started(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/usr/bin/affuse"])
    for words in ([], *commands()):
        assert "python cli.py" not in shown(words)
        assert all(line.startswith("affuse ") for line in examples(shown(words)))
    monkeypatch.setattr("sys.argv", ["/a b/cli.py"])
    assert "python '/a b/cli.py' train --fusion" in shown(["train"])
