"""Distillation: students of tiny teachers, their data and their parts."""

import csv
import errno
import json

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from transformers import AutoFeatureExtractor, AutoModel, AutoTokenizer

from affuse.data.errors import AffuseError, MemoryShortageError
from affuse.data.options.distillation_options import Distil
from affuse.data.system.atomic_files import claim
from affuse.extract.audio.decoding import SAMPLE_RATE
from affuse.extract.commands import distil_command
from affuse.extract.distil import (
    distillation_loop,
    front_end,
    recording_views,
    speech_student,
    teacher_cache,
    text_student,
    vocabulary,
)
from affuse.extract.distil.student_folder import StudentFolder
from affuse.extract.distil.student_size import StudentSize
from affuse.extract.encoders import distilbert, wav2vec2, wav2vec2_bert, whisper
from affuse.extract.encoding.choices import Machine
from affuse.extract.encoding.protocol import hidden

SMALL = {"layers": 1, "width": 32, "heads": 2}
WORDS = "the sea was calm and they sang all night while rain fell on grey stone".split()
TEACHERS = {"audio": wav2vec2, "text": distilbert}


def tone(seconds, hertz, seed=0):
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (0.3 * np.sin(2 * np.pi * hertz * time) + 0.02 * noise).astype(np.float32)


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech")
    for i in range(8):
        samples = tone(1.0 + 0.7 * i, 150 * (i + 1), seed=i)
        soundfile.write(folder / f"tone{i}.wav", samples, SAMPLE_RATE)
    return folder


@pytest.fixture(scope="module")
def sentences(tmp_path_factory):
    rng = np.random.default_rng(0)
    lines = [" ".join(rng.choice(WORDS, rng.integers(2, 9))) for _ in range(120)]
    path = tmp_path_factory.mktemp("text") / "lines.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def teacher_cache_folder(tmp_path_factory):
    """Cache of the teachers' embeddings, which all tests share."""
    return tmp_path_factory.mktemp("taught")


@pytest.fixture
def distil(tmp_path, speech, sentences, teacher_cache_folder):
    return make_distil(tmp_path, speech, sentences, teacher_cache_folder)


def make_distil(folder, speech, sentences, teacher_cache_folder):
    """Return a function that distils from a tiny teacher and returns its messages."""
    data = {"audio": (speech,), "text": (sentences,)}
    own = {
        "audio": {"vocabulary": None, "speeds": "1,1.25", "batch": 2},
        "text": {"vocabulary": 120, "speeds": None, "batch": 8},
    }

    def run(modality, output="student", **changes):
        given = {
            **SMALL,
            **own[modality],
            "teacher": "tiny",
            "revision": "",
            "teacher_layers": "1,2",
            "data": data[modality],
            "output": folder / output,
            "steps": 6,
            "rate": 1e-3,
            "held_out": 0.2,
            "seed": 0,
            "credits": ("Tones made for this test, CC0.",),
            "licence": "mit",
            "cache": teacher_cache_folder,
            **changes,
        }
        said, machine = [], Machine(threads=1, progress=False)
        options = Distil(modality=modality, **given)
        distil_command.run(distil_command.plan(options, machine), said.append)
        return "\n".join(said)

    return run


@pytest.fixture(scope="module", params=["audio", "text"])
def modality(request):
    return request.param


@pytest.fixture(scope="module")
def student(tmp_path_factory, speech, sentences, teacher_cache_folder, modality):
    """The folder of a student, which no test may change."""
    folder = tmp_path_factory.mktemp("students")
    make_distil(folder, speech, sentences, teacher_cache_folder)(modality, seed=3)
    return folder / "student"


def weights(folder):
    return load_file(folder / "model.safetensors")


def test_the_student_is_a_hugging_face_folder(student, modality):
    folder = student
    model = AutoModel.from_pretrained(folder)
    wanted = {"audio": "Wav2Vec2Model", "text": "DistilBertModel"}[modality]
    assert type(model).__name__ == wanted
    assert {t.dtype for t in weights(folder).values()} == {torch.float16}
    if modality == "audio":
        assert AutoFeatureExtractor.from_pretrained(folder).do_normalize
    else:
        ids = AutoTokenizer.from_pretrained(folder)("The sea sang")["input_ids"]
        assert len(ids) == 5
        assert max(ids) < model.config.vocab_size
    assert not (StudentFolder(folder).unfinished).exists()


def test_stage_one_encodes_with_the_student(student, modality):
    source = {"audio": tone(0.5, 300), "text": "rain fell"}[modality]
    encoder = TEACHERS[modality].Encoder.pretrained(str(student))
    (block,) = encoder.prepare(source).blocks
    found = hidden(encoder, block[None])
    assert found.shape[-1] == SMALL["width"]
    assert found.isfinite().all()


def test_the_model_card_names_teacher_data_and_command(
    student, modality, teacher_cache_folder
):
    card = (student / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name: transformers\nlicense: mit\n---\n")
    assert "Tones made for this test, CC0." in card
    assert f"python cli.py distil {modality}" in card
    for words in ("--teacher tiny", "--steps 6", "--seed 3", "--teacher-layers 1,2"):
        assert words in card
    assert str(student.parent) not in card
    assert str(teacher_cache_folder) not in card
    with (student / "history.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    assert last["step"] == "6"
    assert f"| 6 | {float(last['loss']):.3f} | {float(last['cosine']):.3f} |" in card


def test_the_same_seed_gives_the_same_student(distil, modality, tmp_path):
    distil(modality, "one", steps=3)
    distil(modality, "two", steps=3)
    distil(modality, "three", steps=3, seed=1)
    one, two, three = (weights(tmp_path / n) for n in ("one", "two", "three"))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_an_interrupted_training_ends_in_the_same_weights(
    distil, modality, tmp_path, monkeypatch
):
    monkeypatch.setattr(distillation_loop.Schedule, "pause", 2)
    monkeypatch.setattr(
        distillation_loop.Schedule.__init__, "__defaults__", (0, 0.01, 2)
    )
    distil(modality, "whole")
    real, calls = distillation_loop._step, []

    def stopped(*given):
        calls.append(given)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(*given)

    monkeypatch.setattr(distillation_loop, "_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        distil(modality, "cut")
    assert not (tmp_path / "cut" / "model.safetensors").exists()
    monkeypatch.setattr(distillation_loop, "_step", real)
    assert "the training resumes after step 2 of 6" in distil(modality, "cut")
    whole, cut = weights(tmp_path / "whole"), weights(tmp_path / "cut")
    assert all(torch.equal(whole[name], cut[name]) for name in whole)


def test_an_unfinished_training_of_other_settings_is_not_overwritten(
    distil, modality, tmp_path, monkeypatch
):
    monkeypatch.setattr(distil_command, "_save", lambda *given: None)
    distil(modality)
    monkeypatch.undo()
    with pytest.raises(ValueError, match=r"training\.pt is of a training with other"):
        distil(modality, steps=7)
    (StudentFolder(tmp_path / "student").unfinished).write_bytes(b"half")
    with pytest.raises(ValueError, match=r"training\.pt is damaged; delete it"):
        distil(modality)


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (MemoryError(), MemoryShortageError, "too little memory to read .*training"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"),
            MemoryShortageError,
            "too little memory to read .*training",
        ),
        (OSError(errno.EIO, "Input/output error"), OSError, "Input/output error"),
    ],
)
def test_a_state_that_cannot_be_read_now_is_not_called_damaged(
    tmp_path, monkeypatch, error, kind, words
):
    path = StudentFolder(tmp_path).unfinished
    path.write_bytes(b"whole")

    def load(*_args, **_options):
        raise error

    monkeypatch.setattr(torch, "load", load)
    with pytest.raises(kind, match=words) as refused:
        distillation_loop._resume(path, "", None, None)
    assert "delete" not in str(refused.value)


def test_a_finished_student_is_kept(distil, modality, tmp_path):
    distil(modality)
    before = (tmp_path / "student" / "model.safetensors").stat().st_mtime_ns
    assert "is finished; nothing was left to do" in distil(modality)
    assert (tmp_path / "student" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ValueError, match="holds a model of another teacher"):
        distil(modality, steps=7)


def test_a_second_distillation_into_one_folder_is_refused(distil, tmp_path):
    with claim(StudentFolder(tmp_path / "student").lock, wait=False):
        with pytest.raises(ValueError, match="another process distils into"):
            distil("text")
    assert "held-out cosine" in distil("text")
    assert not (StudentFolder(tmp_path / "student").lock).exists()


def test_a_short_recording_is_repeated():
    heard = recording_views.RecordingView(
        tone(1.0, 300), np.arange(50.0)[:, None, None].astype("f2")
    )
    grid = recording_views.FrameGrid(320, 0.0, 320, front_end.window())
    student = front_end.build(StudentSize(1, 32, 2))
    task = speech_student.SpeechTask(
        student, [heard], [heard], grid=grid, batch=1, device="cpu"
    )
    (samples, targets), *_ = task.held_out_segments
    np.testing.assert_allclose(samples[:16_000], samples[16_000:32_000], atol=1e-5)
    frames = targets[:, 0, 0] * task.scaling.deviation[0, 0] + task.scaling.mean[0, 0]
    # frame k of the student is 1.37 frames after the teacher's, of which there are 50
    wanted = (np.arange(task.steps) + 439.5 / 320) % 50
    np.testing.assert_allclose(frames, np.minimum(wanted, 49), atol=0.02)


def test_the_teacher_encodes_each_input_once(distil, modality, tmp_path, monkeypatch):
    own = {"cache": tmp_path / "cache", "steps": 2}
    distil(modality, "one", **own)
    monkeypatch.setattr(TEACHERS[modality].Encoder, "__call__", None)
    distil(modality, "two", **{**own, "steps": 1})


@pytest.mark.slow
def test_training_increases_the_cosine_of_the_student(distil, modality, tmp_path):
    # versions of transformers draw other weights, some of which learn late
    distil(modality, steps=150, rate=3e-3)
    with (tmp_path / "student" / "history.csv").open() as file:
        (last,) = csv.DictReader(file)
    distil(modality, "short", steps=1)
    with (tmp_path / "short" / "history.csv").open() as file:
        (first,) = csv.DictReader(file)
    assert float(last["cosine"]) > float(first["cosine"]) + 0.1


def test_an_unreadable_recording_is_left_out_with_a_message(distil, speech, tmp_path):
    folder = tmp_path / "some"
    folder.mkdir()
    for path in sorted(speech.iterdir())[:6]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken.wav").write_bytes(b"RIFF no sound")
    said = distil("audio", data=(folder,))
    assert "left out: " in said
    assert "left out: broken.wav (000000): cannot be decoded" in said
    assert (tmp_path / "student" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("modality", "changes", "sentence"),
    [
        ("text", {"speeds": "1,2"}, "--speeds applies only to speech students"),
        ("audio", {"vocabulary": 99}, "--vocabulary applies only to text students"),
        ("audio", {"speeds": "fast"}, "--speeds fast: write numbers"),
        ("audio", {"speeds": "0"}, "--speeds must lie between"),
        ("audio", {"heads": 5}, "--width 32 must be a multiple of --heads 5"),
        ("text", {"vocabulary": 9}, "--vocabulary 9 is too small"),
        ("text", {"rate": -1.0}, "--rate must be above 0"),
        ("text", {"held_out": 0.001}, "with 0.001 of them held out; take --held"),
        (
            "audio",
            {"teacher_layers": "9"},
            "^--teacher-layers 9: layers '9': the audio checkpoint 'tiny' has layers",
        ),
        (
            "text",
            {"teacher": "./nowhere", "teacher_layers": "1"},
            "^checkpoint folder ./nowhere not found",
        ),
        ("text", {"rate": 0.0}, "--rate must be above 0"),
    ],
)
def test_invalid_options_are_refused(distil, modality, changes, sentence):
    with pytest.raises(ValueError, match=sentence):
        distil(modality, **changes)


@pytest.mark.parametrize("module", [speech_student, text_student])
def test_missing_data_are_refused(module, tmp_path):
    with pytest.raises(ValueError, match="--data .*nowhere not found"):
        module.find((tmp_path / "nowhere",))
    with pytest.raises(ValueError, match="no (sound file|text) in --data"):
        module.find((tmp_path,))


def test_each_distinct_text_is_used_once(tmp_path):
    (tmp_path / "a.txt").write_text("one text\n\n two texts \n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("two texts\nthree", encoding="utf-8")
    found = text_student.find((tmp_path,)).utterances
    assert [u.text for u in found] == ["one text", "two texts", "three"]
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match=r"c\.txt is not UTF-8"):
        text_student.find((tmp_path,))


def test_a_diverging_training_is_an_error(distil):
    with pytest.raises(ValueError, match="diverged before step .* smaller --rate"):
        distil("text", rate=1e30, steps=20)


# Learning rate, scaling, division, front end and vocabulary


def test_the_learning_rate_rises_and_falls():
    schedule = distillation_loop.Schedule(steps=100, rate=1.0)
    rates = [schedule.rate_at(step) for step in range(100)]
    assert rates[:6] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
    assert all(a > b for a, b in zip(rates[5:], rates[6:], strict=False))
    assert 0 < rates[-1] < 0.001


def test_constant_dimensions_are_not_amplified():
    values = np.random.default_rng(0).normal(3.0, 2.0, (500, 1, 4)).astype(np.float32)
    values[:, :, 0] = 7.0
    values[0, 0, 0] += 1e-3
    scaled = teacher_cache.Scaling.fit(values)(values)
    assert np.abs(scaled[:, :, 0]).max() < 0.02
    np.testing.assert_allclose(scaled[:, :, 1:].std(axis=0), 1.0, atol=1e-4)
    np.testing.assert_allclose(scaled.mean(axis=0), 0.0, atol=1e-4)


def test_held_out_data_do_not_depend_on_the_order():
    ids = [f"u{i}" for i in range(50)]
    learnt, kept = teacher_cache.divide(ids, 0.1, 0)
    assert sorted([*learnt, *kept]) == list(range(50))
    assert len(kept) == 5
    turned = ids[::-1]
    assert {turned[i] for i in teacher_cache.divide(turned, 0.1, 0)[1]} == {
        ids[i] for i in kept
    }


@pytest.mark.parametrize("count", [2, 3, 7, 30, 999])
@pytest.mark.parametrize("share", [1e-6, 0.9999])
def test_the_advised_share_leaves_inputs_on_both_sides(count, share):
    names = [str(number) for number in range(count)]
    with pytest.raises(AffuseError, match="take --held-out") as raised:
        teacher_cache.divide(names, share, 0)
    advised = float(str(raised.value).partition("--held-out ")[2].partition(",")[0])
    assert len(teacher_cache.divide(names, advised, 0)[1]) == 1


def test_a_single_input_cannot_be_divided():
    with pytest.raises(AffuseError, match="give 2 or more with --data$"):
        teacher_cache.divide(["a"], 0.5, 0)


def test_frames_are_interpolated_linearly():
    frames = np.stack([np.arange(5.0), 10 - np.arange(5.0)], axis=1).astype(np.float16)
    found = recording_views.interpolate(frames, np.array([0.0, 1.25, 3.5, -1.0, 9.0]))
    np.testing.assert_allclose(found[:, 0], [0, 1.25, 3.5, 0, 4])
    np.testing.assert_allclose(found.sum(1), 10)
    np.testing.assert_allclose(
        recording_views.interpolate(frames[:1], np.array([0.0, 2.0])), [[0, 10]] * 2
    )


@pytest.mark.parametrize(
    ("module", "first"), [(wav2vec2, 199.5), (whisper, 0.0), (wav2vec2_bert, 279.5)]
)
def test_the_grids_of_student_and_teacher_agree_in_time(module, first):
    encoder = module.Encoder.tiny()
    grid = recording_views.FrameGrid(
        encoder.hop, (encoder.window - 1) / 2, 320, front_end.window()
    )
    # the student's frame k is centred on 439.5 + 320 k of what it hears
    places = grid.teacher_indices(640, 3)
    np.testing.assert_allclose(places * 320 + first, 640 + 439.5 + 320 * np.arange(3))


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
def test_speed_changes_duration_and_pitch(speed):
    samples = tone(1.0, 400)
    found = recording_views.change_speed(samples, speed)
    assert len(found) == pytest.approx(len(samples) / speed, abs=2)
    peak = np.abs(np.fft.rfft(found)).argmax() * SAMPLE_RATE / len(found)
    assert peak == pytest.approx(400 * speed, abs=3)


def test_the_first_convolution_is_initialised_with_tones():
    model = front_end.build(StudentSize(1, 32, 2))
    filters = model.feature_extractor.conv_layers[0].conv.weight[:, 0].detach().numpy()
    spectra = np.abs(np.fft.rfft(filters, 4096))
    peaks = spectra.argmax(axis=1).reshape(front_end.TONES, front_end.PHASES)
    assert (np.diff(peaks[:, 0]) > 0).all()
    assert (np.ptp(peaks[5:], axis=1) <= 12).all()  # phases of one tone, in bins


def test_the_student_counts_frames_as_transformers_does():
    model = front_end.build(StudentSize(1, 32, 2))
    for samples in (880, 16_000, 33_333):
        frames = (samples - front_end.window()) // 320 + 1
        assert model._get_feat_extract_output_lengths(samples) == frames


def test_the_vocabulary_has_the_requested_size_and_spells_every_word():
    words = vocabulary.count_words(["Glad gladly sadness, sad!", "so sad"])
    assert words == {
        "glad": 1,
        "gladly": 1,
        "sadness": 1,
        ",": 1,
        "sad": 2,
        "!": 1,
        "so": 1,
    }
    ranks = {"sad": 5, "so": 2}
    pieces = vocabulary.choose(words, 34, ranks.get)
    assert len(pieces) == len(set(pieces)) == 34
    assert pieces[:5] == list(vocabulary.SPECIAL_TOKENS)
    assert {"sad", "so"} <= set(pieces)
    assert "glad" not in pieces[-12:-10]
    found = vocabulary.tokenizer(pieces)
    ids = found("gladly so sad")["input_ids"]
    assert found.unk_token_id not in ids
    assert found.decode(ids, skip_special_tokens=True) == "gladly so sad"


def test_token_embeddings_are_initialised_from_the_teacher(sentences):
    encoder = distilbert.Encoder.tiny()
    texts = sentences.read_text(encoding="utf-8").splitlines()
    student = text_student.build(StudentSize(1, 16, 2, vocabulary=120), texts, encoder)
    table = student.model.embeddings.word_embeddings.weight.detach()
    theirs = encoder.model.get_input_embeddings().weight
    ids = student.tokenizer.convert_tokens_to_ids(["sea", "calm", "rain"])
    known = [encoder.tokenise(word)[1] for word in ("sea", "calm", "rain")]
    mine, wanted = table[ids], theirs[known].detach()
    # distances survive the projection on half of the dimensions, about
    one = torch.cdist(mine, mine)[0, 1:] / torch.cdist(wanted, wanted)[0, 1:]
    assert one.std() / one.mean() < 0.5


def test_the_folder_of_a_student_records_its_settings(distil, tmp_path):
    distil("text")
    found = json.loads((tmp_path / "student" / "distil.json").read_text())
    assert found["schedule"]["steps"] == 6
    assert found["size"] == {**SMALL, "vocabulary": 120}
