"""The command `bench reading` on a few turns."""

import re

from cli_calls import call

from affuse.data.corpora import msp_podcast
from affuse.data.reading import reading_bench


def test_bench_reading_prints_times_and_memory():
    done = call("bench", "reading", "--turns", 30, "--rounds", 1)
    assert done.exit_code == 0
    for files in ("labels", "labels, transcripts", "all, with single ratings"):
        for reader in ("csv", "msp_podcast"):
            line = rf"^{files}: {reader} +\d+\.\d{{3}} s +\d"
            assert re.search(line, done.output, re.MULTILINE)
    assert re.search(r"^largest memory of 30 turns: .* MiB$", done.output, re.MULTILINE)


def test_the_generated_release_is_read_completely(tmp_path):
    reading_bench.write_labels(tmp_path, 30)
    reading_bench.write_transcripts(tmp_path, 30)
    reading_bench.write_raters(tmp_path, 30)
    corpus = msp_podcast.read(tmp_path)
    assert len(corpus.utterances) == 30
    assert corpus.problems == ()
    assert {len(u.ratings) for u in corpus.utterances} == {3}
    counts = {s.raters for u in corpus.utterances for s in u.raters.values()}
    assert counts == {reading_bench.RATERS}
