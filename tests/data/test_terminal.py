"""Standard streams of a process that was started without them."""

import sys

from affuse.data.terminal import open_standard_streams


def test_closed_streams_are_connected_to_the_null_device(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    open_standard_streams()
    with sys.stdin as source, sys.stdout as target, sys.stderr as errors:
        assert source.buffer.read() == b""
        assert target.write("lost") == 4
        assert not target.isatty()
        assert not errors.isatty()


def test_open_streams_stay_as_they_are():
    before = sys.stdin, sys.stdout, sys.stderr
    open_standard_streams()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
