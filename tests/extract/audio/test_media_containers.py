"""Sound in MP4, WebM, AAC and AMR files, which the package av decodes."""

import struct
import sys

import media_files
import numpy as np
import pytest
from media_files import NEEDED, amr_wide, tone, write
from sound_files import reason
from spoken_corpus import record

from affuse.data.corpora import manifest
from affuse.extract.audio import (
    decoder_pool,
    decoding,
    media_containers,
    media_file,
    media_track,
)
from affuse.extract.caching import recording_headers
from affuse.extract.distil import speech_student as distilled

FRAME = 1024  # samples of AAC
HEADS = [  # the first bytes of a file, its name, and what it is called
    (b"\0\0\0\x1cftypM4A \0\0\2\0", "a.m4a", "an MP4 file (m4a, mp4, mov, 3gp)"),
    (b"\0\0\0\x1cftypisom\0\0\2\0", "a.wav", "an MP4 file (m4a, mp4, mov, 3gp)"),
    (b"\x1a\x45\xdf\xa3\x9f", "a.webm", "a WebM or Matroska file"),
    (b"#!AMR\n<", "a.amr", "an AMR file"),
    (b"#!AMR-WB\nD", "a.awb", "an AMR file"),
    (b"\xff\xf1\x60\x40\1\x1f\xfc" + bytes(1), "a.aac", "an AAC file without"),
    (
        b"ID3\4\0\0\0\0\0\5hello\xff\xf1\x60\x40\1\x1f\xfc" + bytes(1),
        "a.aac",
        "an AAC file without",
    ),
]


@pytest.fixture
def without_av(monkeypatch):
    """Make it appear that the package av is not installed."""
    monkeypatch.setitem(sys.modules, "av", None)
    media_file.measure_track.cache_clear()


# Without the package av


@pytest.mark.parametrize(("head", "name", "kind"), HEADS)
def test_without_av_the_error_names_the_format_and_a_command(
    tmp_path, without_av, head, name, kind
):
    path = tmp_path / name
    path.write_bytes(head)
    said = reason(path)
    assert said.startswith(f"is {kind}")
    assert "pip install '.[av]'" in said
    other = "flac" if name == "a.wav" else "wav"
    assert said.endswith(f"ffmpeg -i NAME{path.suffix} NAME.{other}")
    with pytest.raises(decoding.Unusable, match="needs the package av"):
        decoding.probe(path)


def test_the_advice_does_not_repeat_an_unsafe_suffix(tmp_path, without_av):
    path = tmp_path / "a.$(reboot)"
    path.write_bytes(HEADS[0][0])
    assert reason(path).endswith("ffmpeg -i NAME.m4a NAME.wav")


def test_check_names_files_that_need_av(tmp_path, without_av, monkeypatch):
    (tmp_path / "a.m4a").write_bytes(HEADS[0][0])
    record(tmp_path / "b.wav", tone(1.0))
    (tmp_path / "t.csv").write_text("file,start,end\na.m4a,0,1\na.m4a,1,2\nb.wav,0,1\n")

    def probe_all(paths, threads):  # in this process, without av
        for place, path in enumerate(paths):
            try:
                yield place, decoding.probe(path)
            except decoding.Unusable as error:
                yield place, error

    monkeypatch.setattr(decoder_pool, "probe_all", probe_all)
    found = list(recording_headers.find_problems(manifest.read(tmp_path / "t.csv")))
    assert [(p.file, p.fatal) for p in found] == [("a.m4a", True)] * 2
    assert "pip install '.[av]'" in found[0].reason


@pytest.mark.parametrize(
    "name", ["a.wav", "a.flac", "a.ogg", "a.mp3", "a.aiff", "a.au"]
)
def test_files_that_libsndfile_reads_need_no_av(tmp_path, without_av, name):
    path = record(tmp_path / name, tone(0.2))
    assert media_containers.find(path) is None
    assert decoding.probe(path).seconds == pytest.approx(0.2)


def test_distil_takes_files_with_these_suffixes(tmp_path):
    for suffix in media_containers.SUFFIXES:
        (tmp_path / f"a{suffix}").touch()
    assert len(distilled.find([tmp_path]).utterances) == len(media_containers.SUFFIXES)


# With the package av


CASES = [  # name, options, samples that the length may differ by
    ("a.m4a", {}, FRAME),
    ("a.mp4", {"rate": 44_100}, FRAME),
    ("a.mov", {}, FRAME),
    ("a.3gp", {}, FRAME),
    ("lossless.m4a", {"codec": "alac"}, 0),
    ("a.aac", {}, 2 * FRAME),  # it does not state what its encoder put before
    ("a.webm", {"codec": "libopus", "rate": 48_000}, 0),
    ("a.mka", {"codec": "flac"}, 0),
    ("a.amr", {"codec": "libopencore_amrnb", "rate": 8_000}, 160),
]


@NEEDED
@pytest.mark.parametrize(("name", "options", "slack"), CASES)
def test_containers_are_decoded_in_full(tmp_path, name, options, slack):
    rate = options.get("rate", 16_000)
    samples = tone(1.5, rate)
    path = write(tmp_path / name, samples, **options)
    wave = decoder_pool.load(path, longest=60.0)
    seconds = decoder_pool.probe(path).seconds
    assert abs(seconds - 1.5) <= slack / rate + 1e-9
    assert len(wave.samples) == np.ceil(round(seconds * rate) * 16_000 / rate)
    assert wave.notes == ((f"resampled from {rate} Hz",) if rate != 16_000 else ())
    wanted = tone(1.5)
    # AAC without a container and AMR do not state the delay of their encoders
    shifts = {"a.aac": [FRAME], "a.amr": range(160)}.get(name, [0])
    count = min(len(wave.samples) - max(shifts), len(wanted))
    errors = [(wave.samples[s : s + count] - wanted[:count]).std() for s in shifts]
    assert min(errors) < (0.3 if name == "a.amr" else 0.15) * wanted.std()


@NEEDED
def test_the_content_of_a_file_decides_its_format(tmp_path):
    wanted = write(tmp_path / "a.m4a", tone(0.5))
    named = wanted.rename(tmp_path / "a.wav")
    assert len(decoder_pool.load(named, longest=60.0).samples) == pytest.approx(
        8000, abs=FRAME
    )
    wave = record(tmp_path / "b.wav", tone(0.5)).rename(tmp_path / "b.m4a")
    assert len(decoder_pool.load(wave, longest=60.0).samples) == 8000


@NEEDED
@pytest.mark.parametrize("name", ["a.m4a", "a.webm"])
@pytest.mark.parametrize("span", [(1.7, None), (0.2, 1.1), (2.5, 2.75)])
def test_a_span_equals_the_slice_of_the_whole_file(tmp_path, name, span):
    rate = 48_000
    codec = "aac" if name == "a.m4a" else "libopus"
    path = write(tmp_path / name, tone(3, rate), rate=rate, codec=codec)
    whole = media_file.MediaFile(path, media_containers.find(path))
    wanted = whole.read(whole.frames)
    begin = round(span[0] * rate)
    whole.seek(begin)
    count = (round(span[1] * rate) if span[1] else whole.frames) - begin
    np.testing.assert_allclose(
        whole.read(count), wanted[begin : begin + count], atol=1e-4
    )
    assert len(decoding.load(path, span, longest=60.0).samples) == -(-count // 3)


@NEEDED
def test_samples_before_a_span_of_an_mp4_are_skipped(tmp_path, monkeypatch):
    path = write(tmp_path / "a.m4a", tone(20))
    file = media_file.MediaFile(path, media_containers.find(path))
    decoded = []
    real = media_track.samples
    monkeypatch.setattr(
        media_track, "samples", lambda frame: decoded.append(frame) or real(frame)
    )
    file.seek(18 * 16_000)
    assert len(file.read(100)) == 100
    assert len(decoded) < 2.5 * 16_000 / FRAME


@NEEDED
def test_channels_are_mixed_and_long_files_are_refused(tmp_path):
    path = write(tmp_path / "a.m4a", np.stack([tone(1), 0 * tone(1)]))
    wave = decoder_pool.load(path, longest=2.0)
    assert wave.notes == ("mixed down from 2 channels",)
    assert np.abs(wave.samples).max() == pytest.approx(0.15, abs=0.01)
    assert "lasts 1 s, more than 0.5 s" in reason(path, longest=0.5)
    assert "ends at 1." in reason(path, span=(0.5, 1.5))


@NEEDED
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinite_samples_are_refused(tmp_path, value):
    samples = tone(0.2)
    samples[77] = value
    path = write(tmp_path / "a.mka", samples, codec="pcm_f32le")
    assert reason(path) == "holds NaN or infinite samples"


@NEEDED
def test_the_first_of_several_tracks_is_read_and_the_others_are_noted(tmp_path):
    path = write(tmp_path / "a.mp4", tone(1), 0 * tone(1), 0 * tone(1))
    wave = decoder_pool.load(path, longest=60.0)
    said = "holds 3 audio tracks; track 1 was read, and 2 left out: 2, 3"
    assert wave.notes == (said,)
    assert np.abs(wave.samples).max() > 0.2


@NEEDED
def test_the_sound_of_a_video_is_read(tmp_path):
    path = write(tmp_path / "a.mp4", tone(1), pictures=10)
    wave = decoder_pool.load(path, longest=60.0)
    assert wave.notes == ("is a video; only its sound was read",)
    assert len(wave.samples) == pytest.approx(16_000, abs=FRAME)


@NEEDED
def test_a_video_without_sound_is_refused(tmp_path):
    path = write(tmp_path / "a.mp4", pictures=3)
    assert reason(path) == "holds no sound: it has no audio track"
    with pytest.raises(decoding.Unusable, match="holds no sound"):
        decoder_pool.probe(path)


@NEEDED
def test_codecs_outside_the_list_are_refused(tmp_path):
    path = write(tmp_path / "a.mka", tone(0.5), codec="adpcm_ms")
    said = "holds sound of the codec adpcm_ms; convert it to WAV or FLAC"
    assert reason(path) == said


@NEEDED
@pytest.mark.parametrize(("name", "options", "_"), CASES)
def test_a_truncated_file_is_refused(tmp_path, name, options, _):
    options = {"rate": 16_000, **options}
    path = write(tmp_path / name, tone(1.5, options["rate"]), **options)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 + 1])
    assert "is cut off" in reason(path)


@NEEDED
def test_a_truncated_file_gives_spans_before_its_end(tmp_path):
    path = write(
        tmp_path / "a.m4a", tone(3), codec="alac", muxing={"movflags": "faststart"}
    )
    whole = decoder_pool.load(path, (0.1, 1.0), longest=60.0).samples
    image = path.read_bytes()
    assert image.find(b"moov") < image.find(b"mdat")
    path.write_bytes(image[: len(image) * 2 // 3])
    np.testing.assert_array_equal(
        decoder_pool.load(path, (0.1, 1.0), longest=60.0).samples, whole
    )
    assert "is cut off" in reason(path)


@NEEDED
def test_damage_inside_a_file_is_refused(tmp_path):
    path = write(tmp_path / "a.mka", tone(2), codec="flac")
    image = bytearray(path.read_bytes())
    middle = len(image) // 2
    image[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(bytes(image))
    assert "cannot be decoded: Invalid data found" in reason(path)


@NEEDED
def test_gaps_in_the_timestamps_are_noted(tmp_path):
    path = tmp_path / "a.mka"
    with media_files.av.open(str(path), "w") as made:
        stream = made.add_stream("pcm_s16le", rate=16_000, layout="mono")
        for start in (0, 16_000, 40_000):
            frame = media_files.av.AudioFrame.from_ndarray(
                np.zeros((1, 16_000), np.int16), format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts = 16_000, start
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    notes = decoder_pool.load(path, longest=60.0).notes
    assert notes[0].startswith("its timestamps last 0.50 s more than its samples")


@NEEDED
@pytest.mark.parametrize("kinds", [(8,), (8, 8, 9, 15, 15, 15)])
def test_wide_band_amr_is_read_with_and_without_silence_frames(tmp_path, kinds):
    path = amr_wide(tmp_path / "a.amr", frames=60, kinds=kinds)
    if (
        len(kinds) > 1
        and media_track.AMR_DECODERS["amr_wb"] not in media_files.av.codecs_available
    ):
        pytest.skip("this av cannot decode the silence of AMR")
    assert decoding.probe(path).seconds == pytest.approx(1.2)  # 20 ms each
    assert len(decoder_pool.load(path, longest=60.0).samples) == 60 * 320


@NEEDED
def test_silence_frames_of_amr_are_decoded(tmp_path):
    samples = np.concatenate([tone(0.5, 8_000), np.zeros(12_000, np.float32)])
    options = {"codec": "libopencore_amrnb", "rate": 8_000, "dtx": "1"}
    path = write(tmp_path / "a.amr", samples, **options)
    assert path.stat().st_size < 2000  # most frames are frames of silence
    assert decoding.probe(path).seconds == pytest.approx(2.0, abs=0.021)


@NEEDED
def test_an_mp4_without_frames_or_with_forged_sizes_is_refused(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(struct.pack(">I4s8s", 16, b"ftyp", b"isom") + bytes(5))
    assert "has no index (moov)" in reason(path)
    path.write_bytes(struct.pack(">I4sQ", 1, b"ftyp", 2**63) + bytes(5))
    assert "has no index (moov)" in reason(path)
    path.write_bytes(struct.pack(">I4s8sI4s", 16, b"ftyp", b"isom", 8, b"moov"))
    assert "cannot be decoded" in reason(path) or "holds no sound" in reason(path)
