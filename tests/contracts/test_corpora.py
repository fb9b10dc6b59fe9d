"""Contract of every corpus reader, tested on the sample that the reader writes."""

import math
import shutil

import pytest

from affuse.data import plugins
from affuse.data.corpus_facts import NOT_STATED, CorpusFacts, stated_facts
from affuse.data.plugin_kinds import CORPUS_KIND
from affuse.data.rating_scales import RATINGS
from affuse.data.records import NATURES
from affuse.data.splits import protocols


@pytest.fixture(scope="module", params=plugins.names(CORPUS_KIND))
def reader(request):
    return plugins.load(CORPUS_KIND, request.param)


@pytest.fixture(scope="module")
def root(reader, tmp_path_factory):
    """Folder of the sample, which no test may change."""
    folder = tmp_path_factory.mktemp("sample")
    reader.sample(folder)
    return folder


@pytest.fixture(scope="module")
def corpus(reader, root):
    return reader.read(root)


def contents(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_ids_are_unique(corpus):
    ids = [utterance.id for utterance in corpus.utterances]
    assert ids
    assert len(set(ids)) == len(ids)


def test_two_reads_give_equal_corpora(reader, root, corpus):
    assert reader.read(root) == corpus


def test_unknown_speakers_are_named_in_a_note(corpus):
    rated = [utterance for utterance in corpus.utterances if utterance.ratings]
    if not any(utterance.speaker for utterance in rated):
        pytest.skip(f"{corpus.name} names no speakers")
    if not all(utterance.speaker for utterance in rated):
        assert any("speaker" in problem.reason for problem in corpus.problems)


def test_every_utterance_has_text_or_an_audio_file(corpus):
    for utterance in corpus.utterances:
        assert utterance.text or utterance.audio
        assert utterance.audio is None or utterance.audio.is_file()


def test_the_recordings_of_a_sample_differ(corpus):
    files = {utterance.audio for utterance in corpus.utterances} - {None}
    assert len({path.read_bytes() for path in files}) == len(files)


def test_ratings_are_named_numbers_with_a_scale(corpus):
    assert corpus.scale is not None
    assert any(utterance.ratings for utterance in corpus.utterances)
    for utterance in corpus.utterances:
        assert utterance.ratings.keys() <= set(RATINGS)
        assert all(map(math.isfinite, utterance.ratings.values()))


def test_the_default_protocol_divides_the_corpus(corpus):
    folds = protocols.folds(corpus.utterances, corpus.protocol)
    assert all(fold.train and fold.validation and fold.test for fold in folds)


def test_a_missing_folder_is_named(reader, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        reader.read(tmp_path / "nowhere")


def test_missing_audio_is_named_and_the_rest_is_read(reader, root, tmp_path):
    root = shutil.copytree(root, tmp_path / "sample")
    corpus = reader.read(root)
    heard = [u for u in corpus.utterances if u.audio is not None]
    if not heard:
        pytest.skip(f"{corpus.name} has no audio")
    lost = heard[0].audio
    lost.unlink()
    found = reader.read(root)
    assert any(lost.stem in f"{p.file} {p.reason} {p.id}" for p in found.problems)
    assert all(u.audio != lost for u in found.utterances)
    kept = {u.id for u in corpus.utterances if u.audio != lost}
    assert kept <= {u.id for u in found.utterances}


def test_a_sample_reads_back_without_loss(corpus):
    assert [problem for problem in corpus.problems if problem.fatal] == []


def test_the_nature_of_a_sample_is_not_human(corpus):
    assert corpus.nature != "human"


def test_a_sample_is_the_same_every_time(reader, root, tmp_path):
    again = tmp_path / "again"
    again.mkdir()
    reader.sample(again)
    assert contents(again) == contents(root)
    reader.sample(again)  # over what is there
    assert contents(again) == contents(root)


def test_the_facts_on_a_corpus_are_complete(reader):
    facts = reader.FACTS
    assert isinstance(facts, CorpusFacts)
    for text in (facts.title, facts.root, facts.licence, facts.ratings, facts.size):
        assert text
        assert text != NOT_STATED
        assert text.isprintable()
    assert facts.page == "" or facts.page.startswith("https://")
    kinds = [kind for kind in NATURES if facts.ratings.startswith(f"{kind}: ")]
    assert len(kinds) == 1 or reader.__name__.endswith(".manifest")


def test_a_sample_has_a_sign_of_its_corpus_only(reader, root):
    signs = {
        name
        for name, module in plugins.load_all(CORPUS_KIND)
        if stated_facts(name, module).looks_like(root)
    }
    own = {reader.__name__.rpartition(".")[2]} if reader.FACTS.signs else set()
    assert signs == own
