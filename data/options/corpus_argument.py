"""Refusal of ``--corpus`` by commands that take one corpus as an argument."""

import click


def refuse_corpus_option(command: click.Command, error: click.NoSuchOption) -> None:
    """Raise an error that says how a corpus is named, if ``--corpus`` is unknown.

    Args:
        command: in whose words the option is
        error: of click

    Raises:
        click.UsageError: if the option is ``--corpus``, and CORPUS is an argument
    """
    corpus = next((p for p in command.params if p.name == "corpus"), None)
    if error.option_name == "--corpus" and isinstance(corpus, click.Argument):
        raise click.UsageError(
            f"{command.name} takes one corpus, which is named without an option, as "
            f"in: {command.name} demo; to train on several corpora, extract each of "
            f"them, then repeat --corpus of train, as in: train --corpus demo --corpus "
            f"emodb",
            error.ctx,
        )
