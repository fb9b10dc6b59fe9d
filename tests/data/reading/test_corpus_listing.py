"""The command `corpora`, and hints on the reader of a corpus."""

import json
import re
from types import ModuleType

import pytest
from cli_calls import call, error_sentence

from affuse.data import plugins
from affuse.data.corpora import emobank, msp_improv, msp_podcast
from affuse.data.corpus_facts import NOT_STATED, CorpusFacts, stated_facts
from affuse.data.options.source_options import CorpusSource
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.reading import corpus_listing, corpus_reading

KEYS = ["ROOT", "page", "licence", "ratings", "texts", "size"]


def test_every_reader_is_listed_with_all_facts():
    done = call("corpora")
    assert done.exit_code == 0
    names = re.findall(r"^(\w+): ", done.output, re.MULTILINE)
    assert names == plugins.names(CORPUS_KIND)
    assert re.findall(r"^ (\w+) ", done.output, re.MULTILINE) == KEYS * len(names)
    assert f" page    {msp_podcast.FACTS.page}\n" in done.output
    assert max(map(len, done.output.splitlines())) <= 80
    words = " ".join(done.output.split())
    assert f"texts {msp_improv.FACTS.texts} size" in words


def test_the_list_is_also_json():
    listed = json.loads(call("corpora", "--json").output)
    assert [each["reader"] for each in listed] == plugins.names(CORPUS_KIND)
    assert {*listed[0]} == {"reader", "title", *KEYS}


def test_a_reader_without_facts_is_listed_with_what_is_known(monkeypatch):
    loose, shipped = ModuleType("loose"), ModuleType("shipped")
    loose.__doc__ = "Loose: sheets of paper.\n\nMore."
    shipped.__doc__, shipped.ROOT = None, "somewhere"
    assert stated_facts("loose", loose) == CorpusFacts(
        title="Loose: sheets of paper.", root=NOT_STATED
    )
    assert stated_facts("shipped", shipped) == CorpusFacts(
        title="shipped", root="none: the corpus comes with the reader"
    )
    source = plugins.PluginSource("loose", "loose-reader", "1.2")
    monkeypatch.setattr(plugins, "load_all", lambda kind: [("loose", loose)])
    monkeypatch.setattr(plugins, "source", lambda kind, name: source)
    lines = [*corpus_listing.listing()]
    assert lines[0] == "loose: Loose: sheets of paper."
    assert lines[-1] == " package loose-reader 1.2"
    assert f" licence {NOT_STATED}" in lines


@pytest.mark.parametrize("name", ["recola", "RECOLA", "sewa-db", "MSP-Conversation"])
@pytest.mark.parametrize("command", ["check", "extract"])
def test_time_continuous_annotation_is_refused_with_a_sentence(command, name):
    done = call(command, name, "somewhere")
    assert done.exit_code == 2
    assert f"there is no corpus reader '{name}'; " in done.stderr
    assert "rates moments in place of utterances" in done.stderr
    assert "read them as a table with the reader manifest" in done.stderr


def test_time_continuous_annotation_is_refused_in_python_too():
    with pytest.raises(ValueError, match="RECOLA rates moments in place of utteran"):
        plugins.load(CORPUS_KIND, "recola")
    with pytest.raises(ValueError, match="did you mean 'iemocap'"):
        plugins.load(CORPUS_KIND, "iemocapp")


@pytest.fixture
def podcast(tmp_path):
    root = tmp_path / "podcast"
    msp_podcast.sample(root)
    return root


def test_an_error_names_the_reader_of_the_corpus(podcast):
    said = "; this looks like MSP-Podcast, so name its reader, msp_podcast, in place of"
    folder = error_sentence(call("check", "manifest", podcast))
    assert folder.endswith(f"{said} manifest")
    table = podcast / "Labels" / "labels_consensus.csv"
    words = ("check", "manifest", table, "--scale", 1, 7)
    assert error_sentence(call(*words)).endswith(f"{said} manifest")
    with pytest.raises(FileNotFoundError, match=f"{said} iemocap"):
        corpus_reading.read(CorpusSource(corpus="iemocap", root=podcast))


def test_an_error_names_no_reader_if_there_is_no_sign(tmp_path):
    assert "looks like" not in error_sentence(call("check", "manifest", tmp_path))
    assert corpus_listing.name_reader(tmp_path / "nowhere", "manifest") == ""


def test_a_reader_is_not_named_in_its_own_error(tmp_path):
    (tmp_path / "Evaluation.txt").write_text("")
    assert corpus_listing.name_reader(tmp_path, "msp_improv") == ""
    assert "msp_improv" in corpus_listing.name_reader(tmp_path, "manifest")
    assert msp_improv.FACTS.looks_like(tmp_path / "Evaluation.txt")
    assert not emobank.FACTS.looks_like(tmp_path)
