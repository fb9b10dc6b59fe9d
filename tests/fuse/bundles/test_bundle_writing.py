import json
import shutil

import learnable_corpus
import pytest
import small_bundles
from trained_runs import file_contents, train_run

from affuse.data.runs.bundle_folder import BundleFolder, is_bundle
from affuse.data.runs.bundle_information import read_bundle_info
from affuse.data.system import digests
from affuse.fuse.bundles import bundle_writing
from affuse.fuse.bundles.bundle_writing import write_bundle
from affuse.fuse.bundles.run_models import load_run_models
from affuse.fuse.calibration import calibration_file


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folders of a calibrated run and of its bundle; tests do not change them."""
    return small_bundles.make(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def content(made, tmp_path_factory):
    return small_bundles.content(made[0], tmp_path_factory.mktemp("checkpoint"))


def test_a_bundle_holds_models_calibrations_encoders_card_and_digests(made):
    models = {
        f"models/{fold}/seed-{seed}/{name}"
        for fold in range(5)
        for seed in (0, 1)
        for name in ("model.json", "model.safetensors")
    }
    encoder = {
        f"encoders/text-0/{name}"
        for name in ("config.json", "model.safetensors", "seen.json")
    }
    others = {"bundle.json", "calibration.json", "README.md", "SHA256SUMS"}
    found = {path.as_posix() for path in file_contents(made[1])}
    assert found == models | encoder | others
    assert is_bundle(made[1])
    assert not is_bundle(made[0])


def test_no_file_of_a_bundle_holds_a_name_of_the_corpus(made):
    run, bundle = made
    before = b"".join(file_contents(run).values()).decode(errors="replace")
    assert [name for name in small_bundles.NAMES if name not in before] == []
    for path, written in file_contents(bundle).items():
        text = f"{path} {written.decode(errors='replace')}"
        assert [name for name in small_bundles.NAMES if name in text] == [], path


def test_the_description_states_ratings_models_and_encoders(made):
    info = read_bundle_info(made[1])
    assert (info.name, info.design, info.corpus) == (made[0].name, "early", "toy")
    assert (info.nature, info.protocol, info.folds) == ("synthetic", "loso", 5)
    assert info.targets == ("valence", "arousal", "dominance")
    assert info.scale == (1.0, 5.0)
    assert info.models[:2] == ("models/0/seed-0", "models/0/seed-1")
    audio, text = info.encoders
    assert (audio.modality, audio.folder, audio.licence) == ("audio", "", "")
    assert (text.folder, text.licence) == ("encoders/text-0", "apache-2.0")


def test_figures_of_a_calibration_stay_without_speakers(made):
    run, bundle = made
    before, after = map(calibration_file.read_scores, (run, bundle))
    assert before["valence"].by_speaker
    assert after["valence"].by_speaker == {}
    assert after["valence"].coverage == before["valence"].coverage
    folds = calibration_file.read(run).folds
    assert tuple(calibration_file.read(bundle).folds.values()) == tuple(folds.values())


def test_an_identical_bundle_is_left_as_it_is(made, content):
    assert write_bundle(made[1], content) is False


def test_an_empty_folder_becomes_a_bundle_of_equal_bytes(made, content, tmp_path):
    (tmp_path / "new").mkdir()
    assert write_bundle(tmp_path / "new", content) is True
    assert file_contents(tmp_path / "new") == file_contents(made[1])


def test_a_folder_with_other_files_is_refused(content, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ValueError, match="exists and is another file or folder"):
        write_bundle(tmp_path, content)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_an_interrupted_bundle_leaves_nothing(content, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(bundle_writing, "write_bundle_info", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_bundle(tmp_path / "bundle", content)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_with_a_pickle_is_refused(made, tmp_path):
    wanted = small_bundles.content(made[0], tmp_path / "checkpoint")
    pickle = tmp_path / "checkpoint" / "pytorch_model.bin"
    pickle.write_bytes(b"")
    text = wanted.encoders[1]
    encoders = (
        wanted.encoders[0],
        bundle_writing.EncoderFiles(text.recipe, "", (pickle,)),
    )
    with pytest.raises(ValueError, match="pytorch_model.bin may hold code"):
        write_bundle(
            tmp_path / "bundle", bundle_writing.BundleContent(wanted.source, encoders)
        )
    assert not (tmp_path / "bundle").exists()


def test_weights_that_contain_training_rows_are_refused(tmp_path):
    few = learnable_corpus.corpus(count=60), learnable_corpus.embeddings(count=60)
    run = train_run(tmp_path, "svr", found=few[0], caches=few[1])
    with pytest.raises(ValueError, match="'svr' contain embeddings of training"):
        load_run_models(run)


def test_a_design_in_a_file_of_the_user_is_refused(made, tmp_path):
    run = shutil.copytree(made[0], tmp_path / "run")
    path = run / "run.json"
    facts = json.loads(path.read_text())
    facts["design_file"] = {"path": "/home/me/mine.py", "sha256": "0" * 64}
    path.write_text(json.dumps(facts))
    digests.list_files(run, ["run.json"])
    with pytest.raises(ValueError, match="in a file of yours.*holds no code"):
        load_run_models(run)


def test_a_calibration_of_other_models_is_refused(made, tmp_path):
    run = shutil.copytree(made[0], tmp_path / "run")
    path = run / "calibration.json"
    facts = json.loads(path.read_text())
    facts["seeds"] = [0]
    path.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="calibrated with 5 models and now has 10"):
        load_run_models(run)


@pytest.mark.parametrize(
    "name",
    [
        *("../bundle.json", "/bundle.json", "models/0/bundle.json", "notes.txt"),
        *("models/00/seed-0/model.json", "models/0/seed-0/history.csv"),
        *("encoders/text-0/.hidden.json", "encoders/text-0/a.py", "encoders/x.json"),
        *("encoders/text-0/../config.json", "encoders\\text-0\\config.json"),
    ],
)
def test_other_names_of_files_are_not_allowed(name):
    assert not BundleFolder.allows(name)
