import json
import sys
from types import SimpleNamespace

import pytest
from tqdm import tqdm

from affuse.data import plugins
from affuse.data.errors import OptionError
from affuse.data.options.source_options import CorpusSource
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.reading import corpus_reading
from affuse.data.records import Corpus, Problem, Utterance
from affuse.data.system.progress import bar
from affuse.extract.caching.recording_headers import find_problems


@pytest.fixture
def manifest(tmp_path):
    root = tmp_path / "own"
    corpus_reading.sample("manifest", root)
    return root


@pytest.fixture
def plain(monkeypatch):
    """Reader with a parameter for which the command line has no option."""

    def read(root, *, secret=None):
        one = Utterance(id="a", text="a")
        return Corpus("plain", root, (one,), (1, 5), "speakers")

    module = SimpleNamespace(read=read)
    monkeypatch.setattr(corpus_reading.plugins, "load", lambda package, name: module)
    return module


def test_name_and_nature_default_to_those_of_the_corpus(manifest):
    found = corpus_reading.read(CorpusSource(corpus="manifest", root=manifest))
    assert (found.name, found.nature) == ("own", "synthetic")
    assert len(found.utterances) == 30


def test_a_scale_that_does_not_rise_is_refused_before_ratings_are_compared(manifest):
    with pytest.raises(
        OptionError, match="^--scale 5 1: state the lowest rating first"
    ):
        corpus_reading.read(
            CorpusSource(corpus="manifest", root=manifest, scale=(5.0, 1.0))
        )
    sidecar = manifest / "affuse.json"
    stated = json.loads(sidecar.read_text()) if sidecar.is_file() else {}
    sidecar.write_text(json.dumps({**stated, "scale": [5, 1]}))
    with pytest.raises(
        ValueError, match="does not rise; state its lowest rating first"
    ):
        corpus_reading.read(CorpusSource(corpus="manifest", root=manifest))


def test_name_and_nature_can_be_set_by_options(manifest):
    found = corpus_reading.read(
        CorpusSource(corpus="manifest", root=manifest, name="mine", nature="proxy")
    )
    assert (found.name, found.nature) == ("mine", "proxy")


@pytest.mark.parametrize("name", ["../mine", "a b", ".."])
def test_a_corpus_name_that_cannot_be_a_folder_is_refused(manifest, name):
    with pytest.raises(ValueError, match="becomes a folder"):
        corpus_reading.read(CorpusSource(corpus="manifest", root=manifest, name=name))


def test_columns_and_scale_reach_the_reader(manifest):
    table = manifest / "table.csv"
    table.write_text(table.read_text().replace("valence", "v_mean"))
    found = corpus_reading.read(
        CorpusSource(
            corpus="manifest", root=manifest, columns=["valence=v_mean"], scale=(0, 9)
        )
    )
    assert found.scale == (0, 9)
    assert found.utterances[0].ratings["valence"] == 4.5


def test_options_without_a_value_are_not_passed_to_the_reader(manifest):
    found = corpus_reading.read(
        CorpusSource(
            corpus="manifest", root=manifest, scale=None, table=None, dominance=None
        )
    )
    assert found.scale == (1, 5)


@pytest.mark.parametrize(
    ("corpus", "options", "reason"),
    [
        ("manifest", {"dominance": "released"}, "'manifest' does not take --dominance"),
        ("iemocap", {"columns": ["valence=v"]}, "take --map; it takes --dominance"),
        ("emobank", {"scale": (1, 5)}, "'emobank' does not take --scale; it takes "),
        ("manifest", {"columns": ["valence"]}, "--map valence: write ROLE=COLUMN"),
        (
            "manifest",
            {"columns": ["valence=a", "valence=b"]},
            "valence is mapped twice",
        ),
    ],
)
def test_options_of_other_readers_are_refused(manifest, corpus, options, reason):
    with pytest.raises(ValueError, match=reason):
        corpus_reading.read(CorpusSource(corpus=corpus, root=manifest, **options))


def test_a_reader_may_have_a_parameter_without_an_option(plain, tmp_path):
    assert (
        corpus_reading.read(CorpusSource(corpus="plain", root=tmp_path)).name == "plain"
    )
    with pytest.raises(ValueError, match="take --scale; it takes no such option"):
        corpus_reading.read(CorpusSource(corpus="plain", root=tmp_path, scale=(1, 5)))


def test_a_reader_with_root_needs_no_folder(plain, tmp_path):
    with pytest.raises(ValueError, match="'plain' does not come with .*: plain /path/"):
        corpus_reading.read(CorpusSource(corpus="plain", root=None))
    plain.ROOT = tmp_path
    assert corpus_reading.read(CorpusSource(corpus="plain", root=None)).root == tmp_path
    assert (
        corpus_reading.read(CorpusSource(corpus="plain", root=tmp_path / "copy")).root
        == tmp_path / "copy"
    )


def test_a_reader_without_verify_gets_the_default_checks(plain, tmp_path):
    usual, own = ((Problem("a.wav", reason),) for reason in ("is silent", "is odd"))
    assert (
        corpus_reading.verify("plain", plain.read(tmp_path), lambda _: usual) == usual
    )
    plain.verify = lambda corpus: list(own)
    assert corpus_reading.verify("plain", plain.read(tmp_path), lambda _: usual) == own


def test_an_empty_corpus_is_refused_with_its_first_problem(manifest):
    header = (manifest / "table.csv").read_text().splitlines()[0]
    (manifest / "table.csv").write_text(f"{header}\nwav/none.wav\n")
    with pytest.raises(ValueError, match="no utterance could be read from .*: "):
        corpus_reading.read(CorpusSource(corpus="manifest", root=manifest))
    (manifest / "table.csv").write_text(f"{header}\n")
    with pytest.raises(ValueError, match="no utterance could be read from"):
        corpus_reading.read(CorpusSource(corpus="manifest", root=manifest))


def test_an_unknown_reader_is_refused_with_a_list_of_readers(tmp_path):
    reason = "no corpus reader 'none': choose from demo, emo"
    with pytest.raises(ValueError, match=reason):
        corpus_reading.read(CorpusSource(corpus="none", root=tmp_path))


@pytest.mark.parametrize("corpus", plugins.names(CORPUS_KIND))
def test_sample_returns_its_number_of_utterances(tmp_path, corpus):
    count = corpus_reading.sample(corpus, tmp_path / "deep" / "folder")
    found = corpus_reading.read(
        CorpusSource(corpus=corpus, root=tmp_path / "deep" / "folder")
    )
    assert len(found.utterances) == count > 0
    assert [
        p for p in corpus_reading.verify(corpus, found, find_problems) if p.fatal
    ] == []


def test_sample_refuses_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty; name a new folder"):
        corpus_reading.sample("manifest", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_progress_bar_never_exceeds_its_total(capsys):
    # ten times 0.1 s are 0.9999999999999999 s, and 1.1 s are more than there are
    with bar(total=1.0, name="audio", unit="s", show=True) as progress:
        for amount in (*[0.1] * 10, 0.1):
            progress.update(amount)
        assert progress.n == 1.0
    assert "100%" in capsys.readouterr().err


@pytest.mark.parametrize("show", [True, False])
def test_a_progress_bar_yields_its_items(capsys, show):
    assert list(bar([1, 2], total=2, name="x", unit="file", show=show)) == [1, 2]
    assert list(bar([], total=0, name="x", unit="file", show=show)) == []
    assert ("100%" in capsys.readouterr().err) == show


def test_a_progress_bar_in_a_log_is_refreshed_rarely():
    assert not sys.stderr.isatty()
    shown = bar(total=1, name="x", unit="file", show=True)
    assert isinstance(shown, tqdm)
    assert shown.mininterval >= 10  # seconds
    shown.close()
