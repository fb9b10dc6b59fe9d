"""A pipe, a device or a folder in place of a file is named in an error, not read."""

import json

import pytest
from cli_calls import call
from irregular_files import FILE_KINDS, KINDS, fail_if_slow, put_irregular_file

from affuse.data.cache import fold_encoders, provenance
from affuse.data.corpora import demo, emobank, iemocap, manifest
from affuse.data.errors import AffuseError
from affuse.data.reading import corpus_reading
from affuse.data.runs.finetuning_folder import FinetunedFold, UnfinishedFold
from affuse.extract.audio import decoder_pool, decoding
from affuse.extract.commands import distil_command
from affuse.extract.distil import distillation_loop, text_student
from affuse.extract.distil import speech_student as speech
from affuse.extract.distil.student_folder import StudentFolder
from affuse.extract.finetune import fold_training

NO_FILE = "is damaged: it is no regular file, but a (named pipe|device|folder)"


@pytest.fixture(autouse=True)
def time_limit():
    with fail_if_slow():
        yield


@pytest.mark.parametrize("kind", FILE_KINDS)
@pytest.mark.parametrize("named", [True, False])
def test_an_irregular_table_is_refused(tmp_path, kind, named):
    path = put_irregular_file(tmp_path / "table.csv", kind)
    with pytest.raises(AffuseError, match=f"table.csv {NO_FILE}"):
        manifest.read(path if named else tmp_path)


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_an_irregular_table_among_several_is_refused(tmp_path, kind):
    (tmp_path / "x.train.csv").write_text("text\nhello\n")
    put_irregular_file(tmp_path / "x.test.csv", kind)
    with pytest.raises(AffuseError, match=f"x.test.csv {NO_FILE}"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("kind", FILE_KINDS)
@pytest.mark.parametrize("reader", [emobank, demo])
def test_an_irregular_table_of_emobank_or_demo_is_refused(tmp_path, kind, reader):
    put_irregular_file(tmp_path / reader.TABLE, kind)
    with pytest.raises(AffuseError, match=f"{reader.TABLE} {NO_FILE}"):
        reader.read(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_list_of_demo_recordings_is_refused(tmp_path, kind):
    corpus_reading.sample("demo", tmp_path / "copy")
    found = demo.read(tmp_path / "copy")
    put_irregular_file(tmp_path / "copy" / demo.MADE, kind)
    with pytest.raises(AffuseError, match=f"{demo.MADE} {NO_FILE}; remove it; copy"):
        demo.verify(found)


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_affuse_json_is_refused(tmp_path, kind):
    (tmp_path / "table.csv").write_text("text\nhello\n")
    put_irregular_file(tmp_path / "affuse.json", kind)
    with pytest.raises(AffuseError, match=f"affuse.json {NO_FILE}"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, '{"scale": [1, NaN]}', '{"scale": ["1", "5"]}', '{"map": {"v": 3}}']
    + [f'{{"scale": [1, {"9" * 5_000}]}}', '{"scale": [1, 1e999]}'],
)
def test_invalid_values_in_affuse_json_are_refused(tmp_path, content):
    (tmp_path / "table.csv").write_text("text\nhello\n")
    (tmp_path / "affuse.json").write_text(content)
    with pytest.raises(AffuseError, match="affuse.json may hold .* but"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("files", ["labels", "transcripts"])
def test_an_irregular_text_file_of_iemocap_is_a_problem_and_others_are_read(
    tmp_path, kind, files
):
    iemocap.sample(tmp_path)
    whole = iemocap.read(tmp_path)
    paths = {
        "labels": sorted(tmp_path.glob("Session*/dialog/EmoEvaluation/Ses*.txt")),
        "transcripts": sorted(tmp_path.glob("Session*/dialog/transcriptions/*.txt")),
    }
    put_irregular_file(paths[files][0], kind)
    found = iemocap.read(tmp_path)
    name = paths[files][0].relative_to(tmp_path).as_posix()
    (problem,) = [p for p in found.problems if p.file == name and p.line is None]
    assert problem.fatal
    assert problem.reason.startswith("is no regular file of at most")
    known = {u.id: u for u in whole.utterances}
    assert 0 < sum(u == known[u.id] for u in found.utterances) < len(known)


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_recording_of_iemocap_is_a_problem(tmp_path, kind):
    iemocap.sample(tmp_path)
    found = iemocap.read(tmp_path)
    put_irregular_file(found.utterances[0].audio, kind)
    problems = {p.id: p.reason for p in iemocap.verify(found)}
    assert problems[found.utterances[0].id] == "cannot be read as audio; copy it again"
    assert found.utterances[1].id not in problems


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", [decoding.probe, decoder_pool.probe])
def test_an_irregular_recording_is_not_hashed(tmp_path, kind, read):
    with pytest.raises(decoding.Unusable, match="is not a regular file"):
        read(put_irregular_file(tmp_path / "a.wav", kind))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", [decoding.load, decoder_pool.load])
def test_an_irregular_recording_is_not_decoded(tmp_path, kind, read):
    with pytest.raises(decoding.Unusable, match="is not a regular file"):
        read(put_irregular_file(tmp_path / "a.wav", kind), longest=60.0)


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_irregular_texts_for_distillation_are_refused(tmp_path, kind):
    put_irregular_file(tmp_path / "a.txt", kind)
    for given in (tmp_path, tmp_path / "a.txt"):
        with pytest.raises(AffuseError, match=f"a.txt {NO_FILE}"):
            text_student.find([given])


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_irregular_recordings_for_distillation_are_listed_without_reading(
    tmp_path, kind
):
    path = put_irregular_file(tmp_path / "a.wav", kind)
    for given in (tmp_path, path):
        assert [u.audio for u in speech.find([given]).utterances] == [path]


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_state_of_a_distillation_is_refused(tmp_path, kind):
    path = put_irregular_file(tmp_path / StudentFolder.unfinished, kind)
    with pytest.raises(AffuseError, match="training.pt is damaged: it is no regular"):
        distillation_loop._resume(path, "identity", None, None)


@pytest.mark.parametrize("kind", KINDS)
def test_irregular_settings_of_a_student_have_no_identity(tmp_path, kind):
    put_irregular_file(tmp_path / StudentFolder.settings, kind)
    assert distil_command._identity(tmp_path) == ""


@pytest.mark.parametrize("content", ["[" * 100_000, "5", '{"identity": 5}', "{"])
def test_invalid_settings_of_a_student_have_no_identity(tmp_path, content):
    (tmp_path / StudentFolder.settings).write_text(content)
    assert distil_command._identity(tmp_path) == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["repair", "list"])
def test_irregular_provenance_of_a_cache_is_refused(tmp_path, kind, command):
    folder = tmp_path / "toy" / "audio-tiny-12345678"
    folder.mkdir(parents=True)
    put_irregular_file(provenance.path(folder), kind)
    with pytest.raises(AffuseError, match=f"12345678.json {NO_FILE}; remove it; ex"):
        provenance.load(folder)
    done = call("cache", command, "--cache", tmp_path)
    assert "Traceback" not in done.output
    assert isinstance(done.exception, SystemExit | None)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "5", '{"name": NaN}', f'{{"limit": {"9" * 5_000}}}', "{}"],
)
def test_damaged_provenance_of_a_cache_is_refused(tmp_path, content):
    folder = tmp_path / "toy" / "audio-tiny-12345678"
    folder.mkdir(parents=True)
    provenance.path(folder).write_text(content)
    with pytest.raises(AffuseError, match="json is damaged.*; extract into this cache"):
        provenance.load(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_an_irregular_identity_of_an_unfinished_fine_tuning_is_refused(tmp_path, kind):
    path = put_irregular_file(tmp_path / UnfinishedFold.identity, kind)
    with pytest.raises(AffuseError, match=f"{path.name} {NO_FILE}; remove it; del"):
        fold_training._newest_state(UnfinishedFold(tmp_path), "content")


@pytest.mark.parametrize(
    "state",
    ["[" * 100_000, "{}", '{"global_step": "9"}', '{"global_step": [9]}', "pipe"],
)
def test_a_fine_tuning_resumes_from_the_newest_readable_checkpoint(tmp_path, state):
    (tmp_path / UnfinishedFold.identity).write_text('{"content": "one"}')
    for step in (2, 9):
        (tmp_path / f"checkpoint-{step}").mkdir()
        path = tmp_path / f"checkpoint-{step}" / "trainer_state.json"
        path.write_text(json.dumps({"global_step": step}))
    if state == "pipe":
        put_irregular_file(path, state)
    else:
        path.write_text(state)
    found = fold_training._newest_state(UnfinishedFold(tmp_path), "one")
    assert found == tmp_path / "checkpoint-2"


@pytest.mark.parametrize("kind", FILE_KINDS)
def test_irregular_weights_of_a_fold_specific_encoder_are_refused(tmp_path, kind):
    (tmp_path / "session1" / "audio").mkdir(parents=True)
    (tmp_path / "session1" / FinetunedFold.mark).write_text("{}")
    put_irregular_file(tmp_path / "session1" / "audio" / "model.safetensors", kind)
    with pytest.raises(AffuseError, match=f"model.safetensors {NO_FILE}"):
        fold_encoders.told(tmp_path / "session1" / "audio")
