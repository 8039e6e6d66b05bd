"""Reading a page that a tool wrote."""

from html.parser import HTMLParser

#: what no caption or file name may do to a page
HOSTILE = "<script>alert(1)</script>\"'&amp; http://example.org/x.png \u202eabc\x00"


class Page(HTMLParser):
    """Elements of a page: ``[(tag, attributes)]``, and that they are closed in order."""

    VOID = {"meta", "img", "link", "br"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.text = [], [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.text.append(data)

    def addresses(self):
        """Everything the page asks for."""
        return [
            value
            for _, attributes in self.elements
            for name, value in attributes.items()
            if name in ("src", "href", "xlink:href", "srcset", "data", "action", "poster")
        ]
