"""Records of options: fields match the command, and a record prints its command."""

import importlib
import pkgutil
import shlex
from dataclasses import MISSING, FrozenInstanceError, replace
from pathlib import Path

import click
import pytest
from cli_calls import commands, parse_command

from affuse import cli
from affuse.data import options
from affuse.data.errors import OptionError
from affuse.data.options.command_groups import load
from affuse.data.options.command_record import Command
from affuse.data.options.encoding_amounts import LONGEST
from affuse.data.options.extraction_options import CheckpointChoice, Extract
from affuse.data.options.option_fields import parameter, spelling
from affuse.data.options.report_options import Report
from affuse.data.options.run_options import Ablate
from affuse.data.options.source_options import CorpusSource
from affuse.data.options.training_options import Sweep, Train
from affuse.extract.audio import header_bounds

MODULES = [
    importlib.import_module(f"{options.__name__}.{each.name}")
    for each in pkgutil.iter_modules(options.__path__)
]
RECORDS = {  # {words of the command: record}
    each.COMMAND: each
    for module in MODULES
    for each in vars(module).values()
    if isinstance(each, type) and issubclass(each, Command) and each.COMMAND
}
OTHER = {"shard": "2/3", "corpus": "demo", "fusion": "late"}


def command_of(name):
    """The click command of a name such as "cache list"."""
    command = cli.main
    for word in name.split():
        command = command.commands[word]
    return command


def test_every_command_has_a_record():
    names = {
        " ".join(words)
        for words in commands()
        if words and not isinstance(command_of(" ".join(words)), click.Group)
    }
    assert names == RECORDS.keys()


@pytest.mark.parametrize("name", RECORDS)
def test_a_command_has_the_parameters_of_its_record(name):
    record, command = RECORDS[name], command_of(name)
    assert load(command.callback.record) is record
    names = [param.name for param in command.params]
    assert names == [*(each.name for each in record.fields()), "debug"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_field_is_a_parameter_with_its_flag_and_its_default(name):
    record, command = RECORDS[name], command_of(name)
    context = command.make_context(name, [], resilient_parsing=True)
    params = {param.name: param for param in command.params}
    assert record.fields()
    for each in record.fields():
        param, flag = params[each.name], spelling(each).flag
        assert isinstance(param, click.Option if flag else click.Argument)
        assert not flag or "/".join([*param.opts, *param.secondary_opts]) == flag
        assert param.required == (each.default is MISSING), each.name
        if not param.required:
            assert context.params[each.name] == each.default, each.name


def other_value(each):
    """A value of a field that is not its default."""
    param = parameter(each)
    kind = param.type
    if each.name in OTHER:
        value = OTHER[each.name]
    elif isinstance(kind, click.Choice):
        value = next(name for name in kind.choices if name != each.default)
    elif getattr(param, "is_flag", False):
        return not each.default
    elif isinstance(kind, click.Path) and kind.type is Path:
        value = Path("x y")
    elif isinstance(kind, click.FloatRange) and kind.max == 1:
        value = 0.75
    else:
        name = kind.name.partition(" ")[0]
        value = {"integer": 400, "float": 7.5}.get(name, "a b; $c")
    if param.nargs == 2:
        return -value if each.name == "scale" else value, value
    is_joint = bool(spelling(each).joint)  # its values are one text
    return (value,) if param.multiple and not is_joint or param.nargs == -1 else value


@pytest.mark.parametrize("name", RECORDS)
def test_the_printed_command_gives_an_equal_record(name):
    record = RECORDS[name]
    made = record(**{each.name: other_value(each) for each in record.fields()})
    words = shlex.split(str(made))[2 + len(name.split()) :]
    params = command_of(name).make_context(name, words).params
    assert record(**params) == made


def test_an_argument_is_not_mistaken_for_an_option():
    made = Extract(corpus="manifest", root=Path("-a 'b'"))
    assert list(made.words()) == ["extract", "manifest", "./-a 'b'"]
    assert parse_command(*made.words()).root == Path("-a 'b'")


def test_a_record_cannot_be_changed():
    made = parse_command("train", "--fusion", "early, late", "--seeds", 5)
    assert (made.designs, made.seeds) == (("early", "late"), 5)
    with pytest.raises(FrozenInstanceError):
        made.seeds = 6
    assert replace(made, seeds=6) == parse_command(
        "train", "--fusion", "early,late", "--seeds", 6
    )


def test_values_from_python_are_checked_as_on_the_command_line():
    made = Train.from_values(designs="early,late", seeds="4", cache="x", folds=None)
    assert made == Train(designs=("early", "late"), seeds=4, cache=Path("x"))
    assert Report.from_values(design="early").design == ("early",)
    with pytest.raises(OptionError, match="'run' is missing; give it a value"):
        Ablate.from_values(seed=3)
    for values, sentence in (
        ({"designs": "a", "seeds": 0}, "seeds=0: 0 is not in"),
        ({"designs": "a", "seeds": 2.5}, "seeds=2.5: 2.5 is not a whole number"),
        ({"designs": "a", "seeds": True}, "seeds=True: True is not a whole number"),
        ({"designs": "a", "seed": "x"}, "seed='x': 'x' is not a valid integer"),
        ({"designs": "a", "sedes": 0}, "did you mean 'seeds'"),
    ):
        with pytest.raises(OptionError, match=sentence):
            Train.from_values(**values)


def test_values_from_python_have_the_names_of_flags_too():
    made = Extract.from_values(
        corpus="manifest", map={"valence": "pleasure"}, modality="audio", layers=6
    )
    expected = {"columns": ("valence=pleasure",), "modalities": ("audio",)}
    assert made == Extract(corpus="manifest", layers=("6",), **expected)
    made = Train.from_values(
        fusion="early,late",
        design=Path("my.py"),
        set={"latent": 64, "pretrain": False, "layers": "0,6"},
        out_of_range="drop",
    )
    assert made == Train(
        designs=("early", "late"),
        design_files=(Path("my.py"),),
        changes=("latent=64", "pretrain=false", "layers=0,6"),
        out_of_range="drop",
    )


def test_a_joint_option_makes_one_text_of_its_values():
    typed = parse_command("train", "--corpus", "a", "--corpus", "b")
    assert typed.corpus == "a+b"
    assert str(typed).endswith("train --corpus a+b")
    assert parse_command("train").corpus == ""
    for corpus in (["a", "b"], "a+b"):
        assert Train.from_values(corpus=corpus).corpus == "a+b"


@pytest.mark.parametrize("name", RECORDS)
def test_every_flag_is_a_name_in_python(name):
    record = RECORDS[name]
    made = record(**{each.name: other_value(each) for each in record.fields()})
    values = {}
    for each in record.fields():
        flag = spelling(each).flag.partition("/")[0]
        python = flag.removeprefix("--").replace("-", "_") or each.name
        values[python] = getattr(made, each.name)
    assert record.from_values(**values) == made


def test_wrong_names_and_mappings_from_python_are_refused():
    for values, sentence in (
        ({"set": "latent=64", "changes": ()}, "'set' and 'changes' are the same opt"),
        ({"set": {"layers": (0, 6)}}, r"set: the value of 'layers' is \(0, 6\)"),
        ({"fold": 5}, "did you mean 'folds'"),
        ({"reduce": {"a": 1}}, "reduce="),
    ):
        with pytest.raises(OptionError, match=sentence):
            Train.from_values(**values)


def test_options_can_be_copied_to_another_command():
    extraction = Extract(corpus="demo", name="a", text_checkpoint="mini", threads=2)
    made = Extract.from_command(extraction, CorpusSource, CheckpointChoice, name="b")
    assert made == Extract(corpus="demo", name="b", text_checkpoint="mini")


def test_the_record_of_another_command_is_not_imported():
    assert cli.main.commands["sweep"].callback.record == "training_options.Sweep"
    assert issubclass(Sweep, Command)


def test_both_packages_have_the_same_longest_duration():
    assert LONGEST == header_bounds.LONGEST
