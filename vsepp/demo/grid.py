"""Photographs that were found: small in a grid, and the one that is clicked on large."""

import os

import gradio as gr

from vsepp.demo.limits import check_place
from vsepp.demo.queries import answering, queued
from vsepp.demo.thumbnails import LARGE, ThumbnailFolder, place_of
from vsepp.demo.versions import accepted, unnamed
from vsepp.report.web_page import escape, words
from vsepp.system.errors import InputError

# In the browser, which a null reaches that Gradio's server would leave out. The gallery, which was
# told what was clicked on, is told that nothing is: by itself it says no word of a second click on
# the same.
_CLOSE = """() => [{"__type__": "update", "visible": false},
  {"__type__": "update", "selected_index": null}]"""


class PhotographGrid:
    """A grid, and a view above the page of the photograph that is clicked on.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``.
        folder: where thumbnails go.
        found: what it shows at first.

    Attributes:
        gallery: ``gradio.Gallery``.
    """

    def __init__(self, answers, folder, found=None):
        self._answers, self._large = answers, ThumbnailFolder(folder, LARGE)
        self._show = showing(folder)
        self.gallery = gr.Gallery(
            found,
            label="Photographs found · 结果",
            columns=4,
            height="auto",
            object_fit="contain",
            allow_preview=False,
            format="jpeg",
            interactive=False,
            elem_classes=["answers"],
            **_without_buttons(gr.Gallery),
        )

    def enlarge_on_click(self, name, count, remark):
        """Draw the large view, and let clicks open it, close it, and search from it.

        Args:
            name: of the endpoint that searches from it; None: it gets none.
            count, remark: how many answers are wanted, and where a remark on them goes.
        """
        with gr.Column(visible=False, elem_classes=["photograph-view"]) as view:
            picture = gr.Image(
                show_label=False,
                container=False,
                interactive=False,
                elem_classes=["enlarged"],
                **_without_buttons(gr.Image),
            )
            told = gr.HTML(elem_classes=["told"])
            with gr.Row():
                more = gr.Button(
                    "More like this · 找相似", variant="primary", scale=2, min_width=100
                )
                close = gr.Button(
                    "Close · 关闭", scale=1, min_width=80, elem_classes=["photograph-close"]
                )
        place = gr.Number(visible=False, precision=0)
        closing = dict(fn=None, js=_CLOSE, outputs=[view, self.gallery], **unnamed())
        self.gallery.select(
            self._enlarge, **unnamed(), **queued(None, [self.gallery, view, picture, told, place])
        )
        close.click(**closing)
        more.click(**closing)
        more.click(
            answering(self._answers.more_like, self._show, []),
            **({"api_name": name} if name else unnamed()),
            **queued([place, count], [self.gallery, remark]),
        )

    def _enlarge(self, clicked: gr.SelectData):
        """The view's parts for a thumbnail that was clicked on."""
        try:
            place, caption = _clicked(clicked.value, len(self._answers.photographs))
        except InputError:  # no browser sends such a thing
            return gr.update(), gr.update(visible=False), None, "", None
        path = self._answers.photographs.path(place)
        return (
            gr.update(selected_index=clicked.index),
            gr.update(visible=True),
            self._large.path(path, place),
            f'<p>{words(caption)}</p><p class="path">{escape(path)}</p>',
            place,
        )


def showing(folder):
    """From photographs that were found to what ``gradio.Gallery`` takes.

    Args:
        folder: where thumbnails go.
    """
    thumbnails = ThumbnailFolder(folder)

    def show(found):
        return [
            (
                thumbnails.path(photograph.path, photograph.place),
                f"{rank} · {photograph.score:.3f} · {photograph.name}",
            )
            for rank, photograph in enumerate(found, 1)
        ]

    return show


def _clicked(value, count):
    """(place among ``count``, caption) of the gallery's entry that a browser says was clicked on.

    Raises:
        InputError: when it is none.
    """
    try:
        path, caption = value["image"]["path"], value["caption"]
    except (KeyError, TypeError):
        path, caption = None, None
    return check_place(place_of(os.path.basename(str(path))), count), caption


def _without_buttons(component):
    """Keywords for a component without buttons of its own: the page has better ones."""
    return accepted(
        component.__init__,
        buttons=[],
        show_share_button=False,
        show_download_button=False,
        show_fullscreen_button=False,
    )
