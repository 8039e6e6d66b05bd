"""The answer to a search as one HTML file that needs nothing but itself."""

from vsepp.report.thumbnails import Thumbnails
from vsepp.report.web_page import document, escape, words
from vsepp.system.atomic import write_text

_TILE = 320


class _Answers:
    """Photographs that were found, in the shape :class:`Thumbnails` asks for."""

    def __init__(self, paths, names):
        self.paths, self.names = paths, names

    def image_path(self, place):
        return self.paths[place]

    def image_name(self, place):
        return self.names[place]


def save_search_page(path, title, note, paths, names, scores, query_image=None):
    """Write the photographs that a query found, best first, with thumbnails inside the page.

    Args:
        path: the HTML file.
        title: the query.
        note: what was searched.
        paths: files of the photographs; one that cannot be read becomes a tile with its name.
        names: how each is called on the page.
        scores: one similarity per photograph.
        query_image: optional file to show above them, the query itself.
    """
    body = f'<h1>{words(title)}</h1>\n<p class="note">{escape(note)}</p>\n'
    if query_image is not None:
        asked = Thumbnails(_Answers([query_image], [str(query_image)]))
        body += f'<div class="query"><figure>{asked.html(0, _TILE, square=False)}</figure></div>\n'
    thumbnails = Thumbnails(_Answers(paths, names))
    tiles = [
        f"<figure>{thumbnails.html(place, _TILE)}<figcaption>{place + 1} · {score:.3f}<br>"
        f"{words(name)}</figcaption></figure>"
        for place, (name, score) in enumerate(zip(names, scores))
    ]
    body += '<div class="query"><div class="tiles">\n' + "\n".join(tiles) + "\n</div></div>"
    write_text(path, document(title, body))
