"""Python processes in which torch and transformers are already imported, to save time.

The processes are forked from a server that has imported these packages. Each process
imports the modules of this project again, from the folder in which it runs. Tests of
imports start Python itself instead.
"""

import multiprocessing
import os
import sys
import tempfile
import types
from pathlib import Path
from subprocess import CompletedProcess

from locations import ROOT, SUPPORT

PACKAGES = [
    "h5py",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.model_selection",
    "torch",
    "transformers",
    "transformers.activations",
    "transformers.models.distilbert.modeling_distilbert",
    "transformers.models.wav2vec2.modeling_wav2vec2",
]


def python(program, *words, folder=ROOT):
    """Run a program as `python -c program words` would in a folder.

    Functions that the program registers with `atexit` are not called.

    Args:
        program: Python code
        words: `sys.argv[1:]`
        folder: working folder, and first entry of the import path

    Returns:
        `subprocess.CompletedProcess`, with the text of both streams
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PACKAGES)
    words = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as place:
        paths = [Path(place) / name for name in ("stdout", "stderr")]
        process = context.Process(target=_run, args=(program, words, folder, paths))
        process.start()
        process.join()
        found = [path.read_text(encoding="utf-8") for path in paths]
    return CompletedProcess(words, process.exitcode, *found)


def _run(program, words, folder, paths):
    """Execute the program in this process; raise SystemExit if it exits."""
    for stream, path in enumerate(paths, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), stream)
    for name in [n for n in sys.modules if n.partition(".")[0] == "affuse"]:
        del sys.modules[name]  # the server may have imported it for another test
    elsewhere = {"", str(ROOT), str(SUPPORT)}
    sys.path[:] = [str(folder), *(p for p in sys.path if p not in elsewhere)]
    os.chdir(folder)
    sys.argv = ["-c", *words]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        exec(compile(program, "<string>", "exec"), main.__dict__)
    except Exception:
        sys.excepthook(*sys.exc_info())
        sys.exit(1)
