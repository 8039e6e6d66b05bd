"""A description in XMP: a new document, or put into another program's, whose other bytes stay.

The description is ``dc:description``, a language alternative whose ``x-default`` is the text (XMP
Specification Part 1, 8.4). Beside it stands a mark of our own, by which a later run knows what
it has written.
"""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Tuple
from xml.parsers import expat
from xml.sax.saxutils import escape  # which parses nothing  # nosec B406

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DC = "http://purl.org/dc/elements/1.1/"
_OURS = "urn:x-vsepp:xmp:1/"
_XML = "http://www.w3.org/XML/1998/namespace"
_DESCRIPTION = f"{_RDF} Description"
_CAPTION = (f"{_RDF} RDF", _DESCRIPTION, f"{_DC} description")
_MARK = (f"{_RDF} RDF", _DESCRIPTION, f"{_OURS} captioned")
_ALTERNATIVES = (*_CAPTION, f"{_RDF} Alt")
_ITEM = (*_ALTERNATIVES, f"{_RDF} li")
_PATHS = {_CAPTION[:1], _CAPTION[:2], _CAPTION, _MARK, _ALTERNATIVES, _ITEM}
_Path = Tuple[str, ...]
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG_NAME = re.compile(rb"<([^\s/>]+)")
_QUOTED_OR_END = re.compile(rb"\"[^\"]*\"|'[^']*'|>")


class Xmp(NamedTuple):
    """What there is in a document of what is written here.

    Attributes:
        description: the text of ``dc:description`` in ``x-default``, or None.
        mark: our own, or None.
    """

    description: Optional[str]
    mark: Optional[str]


def document(text: str, mark: str) -> bytes:
    """A whole XMP document, UTF-8.

    Args:
        text: the description.
        mark: what :func:`read` gives back.
    """
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="vsepp">\n'
        f' <rdf:RDF xmlns:rdf="{_RDF}">\n'
        f'  <rdf:Description rdf:about="">{_lines([_caption(text), _marked(mark)])}'
        "</rdf:Description>\n"
        " </rdf:RDF>\n"
        "</x:xmpmeta>\n"
        '<?xpacket end="w"?>\n'
    ).encode()


def read(data: bytes) -> Xmp:
    """What a document says.

    Raises:
        ValueError: saying what it is instead of XMP in UTF-8.
    """
    found = _parsed(data)
    return Xmp(found.text_of(_ITEM), found.text_of(_MARK))


def merged(data: bytes, text: str, mark: str) -> bytes:
    """A document with another description; everything else in it, to the byte, as it was.

    Args:
        data: the document.
        text, mark: see :func:`document`.

    Raises:
        ValueError: saying why it cannot be.
    """
    found = _parsed(data)
    if found.is_short:
        raise ValueError("its dc:description is an attribute, as XMP does not allow")
    edits: List[Tuple[int, int, str]] = []
    item, alternatives, caption = (found.place(of) for of in (_ITEM, _ALTERNATIVES, _CAPTION))
    additions = []
    if item is not None:
        edits.append((item.start, item.end, _item(text)))
    elif alternatives is not None and not alternatives.is_empty:
        edits.append((alternatives.content, alternatives.content, _item(text)))
    elif caption is not None:
        edits.append((caption.start, caption.end, _caption(text)))
    else:
        additions.append(_caption(text))
    marked = found.place(_MARK)
    if marked is not None:
        edits.append((marked.start, marked.end, _marked(mark)))
    else:
        additions.append(_marked(mark))
    if additions:
        edits.append(found.at_the_end_of_a_description(_lines(additions)))
    for start, end, new in sorted(edits, reverse=True):
        data = data[:start] + new.encode() + data[end:]
    if read(data) != Xmp(clean(text), mark):
        raise ValueError("it is written in a way that a description cannot be put into")
    return data


def clean(text: str) -> str:
    """Text without what XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)


def _item(text: str) -> str:
    words = escape(clean(text), {"\r": "&#13;"})
    return f'<rdf:li xmlns:rdf="{_RDF}" xml:lang="x-default">{words}</rdf:li>'


def _caption(text: str) -> str:
    return (
        f'<dc:description xmlns:dc="{_DC}"><rdf:Alt xmlns:rdf="{_RDF}">{_item(text)}</rdf:Alt>'
        "</dc:description>"
    )


def _marked(mark: str) -> str:
    return f'<vsepp:captioned xmlns:vsepp="{_OURS}">{escape(mark)}</vsepp:captioned>'


def _lines(elements: List[str]) -> str:
    return "".join(f"\n   {element}" for element in elements) + "\n  "


class _Place(NamedTuple):
    """Where an element stands, in bytes: from ``start`` to ``end``; behind its first tag is
    ``content``, and before its last ``close``."""

    start: int
    content: int
    close: int
    end: int
    is_empty: bool
    text: str


class _Parsed:
    """The places of the elements that matter: the first of each path, of items the default one."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.is_short = False
        self._places: dict[_Path, _Place] = {}
        # Path (outside of rdf:RDF empty, None of what does not matter), start, text of each open
        # element.
        self._open: List[Tuple[Optional[_Path], int, List[str]]] = []
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.StartDoctypeDeclHandler = self._doctype
        parser.XmlDeclHandler = self._declaration
        parser.Parse(data, True)

    def place(self, path: _Path) -> Optional[_Place]:
        return self._places.get(path)

    def text_of(self, path: _Path) -> Optional[str]:
        place = self.place(path)
        return None if place is None else place.text

    def at_the_end_of_a_description(self, additions: str) -> Tuple[int, int, str]:
        """The edit that puts elements at the end of the first ``rdf:Description``."""
        place = self.place((f"{_RDF} RDF", _DESCRIPTION))
        if place is None:
            raise ValueError("it holds no rdf:Description")
        if not place.is_empty:
            return place.close, place.close, additions
        name = _TAG_NAME.match(self.data, place.start)
        assert name is not None  # for types  # nosec B101
        return place.end - 2, place.end, f">{additions}</{name.group(1).decode()}>"

    def _path_below(self, above: Optional[_Path], name: str) -> Optional[_Path]:
        if above is None or not above and name != _CAPTION[0]:
            return above
        path = (*above, name)
        return path if path in _PATHS else None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        path = self._path_below(self._open[-1][0] if self._open else (), name)
        if path == _ITEM and attributes.get(f"{_XML} lang") != "x-default":
            path = None
        self._open.append((path, self._parser.CurrentByteIndex, []))
        if path == _CAPTION[:2] and f"{_DC} description" in attributes:
            self.is_short = True

    def _text(self, text: str) -> None:
        if self._open and self._open[-1][0] in (_ITEM, _MARK):
            self._open[-1][2].append(text)

    def _end(self, name: str) -> None:
        path, start, pieces = self._open.pop()
        if not path or path in self._places:
            return
        content = self._tag_end(start)
        is_empty = self.data[content - 2 : content] == b"/>"
        close = content if is_empty else self._parser.CurrentByteIndex
        end = content if is_empty else self._tag_end(close)
        self._places[path] = _Place(start, content, close, end, is_empty, "".join(pieces))

    def _tag_end(self, start: int) -> int:
        """Where the tag that begins at ``start`` ends; a ``>`` in quotes is none."""
        for found in _QUOTED_OR_END.finditer(self.data, start):
            if found.group() == b">":
                return found.end()
        return len(self.data)

    def _doctype(self, *_: object) -> None:
        raise ValueError("it declares a document type, which XMP does not")

    def _declaration(self, version: str, encoding: Optional[str], standalone: int) -> None:
        if encoding and encoding.lower().replace("-", "") not in ("utf8", "ascii", "usascii"):
            raise ValueError(f"it is in {encoding}, not in UTF-8")


def _parsed(data: bytes) -> _Parsed:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    try:
        found = _Parsed(data)
    except expat.ExpatError as error:
        raise ValueError(f"it is no XML ({error})") from None
    if found.place((f"{_RDF} RDF",)) is None:
        raise ValueError("it holds no rdf:RDF")
    return found
