"""The page: a tab for each kind of question, in English and Chinese."""

import gradio as gr

from vsepp.demo.examples import example_pictures, example_sentences
from vsepp.demo.look import heading, look, title
from vsepp.demo.queries import WAITING
from vsepp.demo.tabs import Served, caption_tab, describe_tab, label_tab, picture_tab, sentence_tab
from vsepp.demo.versions import accepted

SESSIONS = 64  # visitors whose state Gradio keeps, although the page has none
KEPT = 3600  # seconds that uploads and thumbnails are kept


def build_page(answers, folder, captions=None):
    """The page as ``gradio.Blocks``, with a bounded queue.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``; None for a page that only captions.
        folder: where Gradio puts uploads, that is ``GRADIO_TEMP_DIR``; example pictures and
            thumbnails go there too.
        captions: ``vsepp.demo.caption_answers.CaptionAnswerer``, or None.
    """
    appearance = look()
    with gr.Blocks(
        title=title(answers),
        analytics_enabled=False,
        delete_cache=(600, KEPT),
        **accepted(gr.Blocks.__init__, fill_width=True, **appearance),
    ) as page:
        gr.HTML(heading(answers, captions), elem_classes=["heading"])
        served = Served(
            answers,
            folder,
            example_sentences(answers) if answers else [],
            example_pictures(answers or captions, folder),
            captions,
        )
        for name, tab in _tabs(answers, captions):
            with gr.Tab(name):
                tab(served)
    page.queue(max_size=WAITING, api_open=False)
    page.state_session_capacity = SESSIONS  # what Gradio's own server would be told
    page.look = appearance
    return page


def _tabs(answers, captions):
    """(what it is called, what draws it) of each tab that there is something for."""
    if answers:
        yield "Search by sentence · 以文搜图", sentence_tab
        yield "Search by picture · 以图搜图", picture_tab
        if answers.sentences is not None:
            yield "Sentences for a picture · 图片配文", describe_tab
        yield "Labels · 零样本分类", label_tab
    if captions:
        yield "Captions · 看图说话", caption_tab
