import json

from encoder_caches import train, wide, write

from affuse.fuse.setting_history import updated
from affuse.fuse.setting_scopes import recorded
from affuse.fuse.settings import Settings


def test_settings_of_an_older_run_equal_those_of_this_version():
    assert updated({"layers": "concat", "latent": 3}) == {
        **{"layers": "concat", "latent": 3}
    }
    assert updated(vars(Settings())) == updated(recorded(Settings()))


def test_a_run_of_older_code_is_found_though_it_lacks_later_settings(tmp_path, caplog):
    write(tmp_path / "cache", wide("text", "bert"))
    run, _ = train(tmp_path, "--fusion", "text")
    record = json.loads((run / "run.json").read_text())
    record["settings"].pop("pooling", None)
    record["settings"]["layers"] = "concat"
    record["code"] = "revision 0"
    old = run.with_name(run.name[:-8] + "01234567")
    run.rename(old)
    (old / "SHA256SUMS").unlink()
    record["name"] = old.name
    (old / "run.json").write_text(json.dumps(record))
    train(tmp_path, "--fusion", "text")
    assert f"the code of the design 'text' has changed since {old}" in caplog.text
