"""NIST SPHERE files that hold fewer samples than their header promises."""

import pytest
import soundfile
from sound_files import reason
from spoken_corpus import noise

from affuse.extract.audio import decoder_pool, decoding, nist_size

RATE = decoding.SAMPLE_RATE


@pytest.mark.parametrize("kept", [1.0, 0.6])
def test_a_file_that_is_cut_off_is_refused(tmp_path, kept):
    path = tmp_path / "a.sph"
    soundfile.write(path, noise(RATE), RATE, format="NIST")
    content = path.read_bytes()
    path.write_bytes(content[: round(kept * len(content))])
    assert nist_size.is_cut_off(path) == decoding.probe(path).cut_off == (kept < 1)
    if kept < 1:
        assert "is cut off: the header promises more samples" in reason(path)
    assert decoder_pool.load(path, (0.0, 0.5), longest=60.0).notes == ()


@pytest.mark.parametrize("head", [b"", b"NIST_1A\n", b"NIST_1A\n   many\n"])
def test_a_header_without_sizes_is_not_compared(tmp_path, head):
    (tmp_path / "a.sph").write_bytes(head)
    assert not nist_size.is_cut_off(tmp_path / "a.sph")
