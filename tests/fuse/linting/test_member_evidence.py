"""Evidence on each corpus of a training set of several corpora."""

from pathlib import Path

from report_runs import info_of

from affuse.data.cache.recording_spans import RecordingSpan
from affuse.data.records import Corpus, Member, Utterance
from affuse.data.runs.fold_table import FoldRow
from affuse.fuse.linting.evidence import Evidence
from affuse.fuse.linting.member_evidence import by_member

MEMBERS = (
    Member("a", "human", (1.0, 5.0), "iemocap"),
    Member("b", "proxy", (1.0, 9.0), "manifest"),
)


def test_each_corpus_has_its_own_names_again():
    ids = ("a/u1", "b/u1")
    evidence = Evidence(
        info=info_of("late", corpus="a+b", members=MEMBERS),
        rows=tuple(
            FoldRow("f", "test", id_, f"{id_[0]}/anna", f"{id_[0]}/d1") for id_ in ids
        ),
        recipes={},
        missing={},
        folder=Path(),
        corpus=Corpus(
            "a+b",
            Path(),
            tuple(Utterance(id_, speaker=f"{id_[0]}/anna") for id_ in ids),
            (-1.0, 1.0),
            "speakers",
            members=MEMBERS,
        ),
        contents={"audio": dict(zip(ids, "xy", strict=True))},
        stretches={id_: RecordingSpan(id_, 0.0, 1.0) for id_ in ids},
    )
    one, other = by_member(evidence)
    assert (one.info.corpus, one.corpus.reader) == ("a", "iemocap")
    assert (other.info.corpus, other.info.nature) == ("b", "proxy")
    for each, content in ((one, "x"), (other, "y")):
        (row,), (utterance,) = each.rows, each.corpus.utterances
        assert (row.id, row.speaker, row.dialogue) == ("u1", "anna", "d1")
        assert (utterance.id, utterance.speaker) == ("u1", "anna")
        assert each.contents == {"audio": {"u1": content}}
        assert list(each.stretches) == ["u1"]


def test_evidence_on_one_corpus_stays_as_it_is():
    evidence = Evidence(info_of("late"), (), {}, {}, Path())
    assert list(by_member(evidence)) == [evidence]
