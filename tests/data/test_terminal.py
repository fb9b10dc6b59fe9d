"""Standard streams of a process that was started without them."""

import io
import os
import sys

from affuse.data.terminal import open_standard_streams, print_wrapped


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


LINE = "    note: the sentences of 160 of 510 test utterances are in training too"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_long_lines_are_wrapped_on_a_terminal_alone(monkeypatch):
    size = os.terminal_size((40, 24))
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback: size)
    shown = {}
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        print_wrapped(LINE)
        print_wrapped("")
        shown[stream.isatty()] = stream.getvalue()
    assert shown[False] == f"{LINE}\n\n"
    assert shown[True].splitlines() == [
        "    note: the sentences of 160 of 510",
        "      test utterances are in training",
        "      too",
        "",
    ]
