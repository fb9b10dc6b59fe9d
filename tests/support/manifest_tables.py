"""Small tables of manifest corpora."""

from affuse.data.corpora import manifest


def write(folder, text, *, name="table.csv", audio=(), encoding="utf-8"):
    folder.mkdir(parents=True, exist_ok=True)
    for file in audio:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"not decoded here")
    (folder / name).write_bytes(text.encode(encoding))
    return folder / name


def read(folder, text, **options):
    """Write a table, and return the corpus that is read from it (scale 1 to 5)."""
    written = {k: options.pop(k) for k in ("audio", "encoding") if k in options}
    return manifest.read(write(folder, text, **written), scale=(1, 5), **options)


def reasons(corpus, *, fatal=True):
    return [p.reason for p in corpus.problems if p.fatal == fatal]
