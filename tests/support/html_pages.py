"""Parsed HTML pages, and figures that take no time to draw."""

from html.parser import HTMLParser

VOID = {"meta", "img", "br", "hr", "link", "input"}
BLANK = b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>\n'


class Page(HTMLParser):
    """Elements and texts of a page; it fails if an element is not closed."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements = []  # (name, attributes)
        self.texts = []  # (path of open elements, text)
        self.open = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute of {tag} occurs twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if data.strip():
            self.texts.append((tuple(self.open), data.strip()))

    def all(self, name):
        """Return the attributes of all elements of a name."""
        return [attributes for tag, attributes in self.elements if tag == name]

    def text(self, name):
        """Return all texts directly inside elements of a name."""
        return [text for path, text in self.texts if path[-1] == name]


def html_elements(text):
    """Return the elements of a page with the names of their attributes, in order."""
    return [(tag, *attributes) for tag, attributes in Page(text).elements]


def draw_blank(monkeypatch):
    """Replace the drawing of figures, which takes most of the time of a page."""
    monkeypatch.setattr("affuse.fuse.page.page_rendering.encode", lambda *_: BLANK)
