"""Options that every command has: -h, --version and --debug."""

import configparser
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from test_cli import commands

from affuse import cli

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
    monkeypatch.setattr("affuse.data.cache.cache_selection.listing", _missing)
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
