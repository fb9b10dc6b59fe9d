"""Chained Ogg files, of which libsndfile reads only the first stream."""

import numpy as np
import pytest
import soundfile
from sound_files import reason
from spoken_corpus import noise

from affuse.extract.audio import decoder_pool, decoding, ogg_links

RATE = decoding.SAMPLE_RATE


def stream(path, coding, seconds, rate=RATE):
    samples = noise(seconds * rate, seed=seconds)
    soundfile.write(path, samples, rate, format="OGG", subtype=coding)
    return path


def write_chained_ogg(folder, coding, rate=RATE):
    parts = [stream(folder / f"{i}.ogg", coding, i, RATE) for i in (1, 2)]
    parts.append(stream(folder / "3.ogg", coding, 3, rate))
    path = folder / "chain.ogg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path, parts


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_all_streams_of_a_chained_file_are_read(tmp_path, coding):
    path, parts = write_chained_ogg(tmp_path, coding)
    assert soundfile.info(path).frames == RATE  # the first alone
    assert len(ogg_links.find(path).ranges) == 3
    assert decoding.probe(path).seconds == 6.0
    wave = decoder_pool.load(path, longest=60.0)
    assert wave.notes == ("is a chained Ogg file of 3 streams; read as one",)
    wanted = np.concatenate([decoding.load(p, longest=60.0).samples for p in parts])
    np.testing.assert_array_equal(wave.samples, wanted)


@pytest.mark.parametrize("span", [(0.5, 1.5), (1.0, 3.0), (2.5, None), (3.25, 3.5)])
def test_a_span_may_cross_streams(tmp_path, span):
    path, _ = write_chained_ogg(tmp_path, "VORBIS")
    whole = decoder_pool.load(path, longest=60.0).samples
    found = decoder_pool.load(path, span, longest=60.0).samples
    stop = None if span[1] is None else int(span[1] * RATE)
    np.testing.assert_allclose(found, whole[int(span[0] * RATE) : stop], atol=1e-4)


def test_streams_of_different_rates_are_refused(tmp_path):
    path, _ = write_chained_ogg(tmp_path, "VORBIS", 24_000)
    assert "its parts differ in sampling rate or channels" in reason(path)


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_a_file_of_one_stream_is_read_unchanged(tmp_path, coding):
    path = stream(tmp_path / "a.ogg", coding, 2)
    assert len(ogg_links.find(path).ranges) == 1
    assert decoder_pool.load(path, longest=60.0).notes == ()


@pytest.mark.parametrize("coding", ["VORBIS", "OPUS"])
def test_a_stream_that_is_cut_off_is_refused(tmp_path, coding):
    path = stream(tmp_path / "a.ogg", coding, 4)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS") - 100])  # within a page
    assert ogg_links.find(path).cut_off
    assert "is cut off" in reason(path) or "has no samples" in reason(path)
    if soundfile.info(path).frames:
        assert decoder_pool.load(
            path, (0.0, 0.1), longest=60.0
        ).samples.size  # before it


def test_a_stream_without_a_last_page_is_noted(tmp_path):
    path = stream(tmp_path / "a.ogg", "OPUS", 4)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS")])
    assert decoder_pool.load(path, longest=60.0).notes == (
        "ends without a last page, so that its end may be missing",
    )


def test_a_truncated_page_header_means_a_truncated_file(tmp_path):
    path = stream(tmp_path / "a.ogg", "OPUS", 4)
    content = path.read_bytes()
    path.write_bytes(content[: content.rindex(b"OggS") + 10])
    assert ogg_links.find(path).cut_off
