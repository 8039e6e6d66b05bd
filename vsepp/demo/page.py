"""The page: four tabs, in English and Chinese."""

import gradio as gr

from vsepp.demo.examples import example_pictures, example_sentences
from vsepp.demo.look import TITLE, heading, look
from vsepp.demo.queries import WAITING
from vsepp.demo.tabs import Served, describe_tab, label_tab, picture_tab, sentence_tab
from vsepp.demo.versions import accepted

SESSIONS = 64  # visitors whose state Gradio keeps, although the page has none
KEPT = 3600  # seconds that uploads and thumbnails are kept


def build_page(answers, folder):
    """The page as ``gradio.Blocks``, with a bounded queue.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``.
        folder: where Gradio puts uploads, that is ``GRADIO_TEMP_DIR``; example pictures and
            thumbnails go there too.
    """
    appearance = look()
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(600, KEPT),
        **accepted(gr.Blocks.__init__, fill_width=True, **appearance),
    ) as page:
        gr.HTML(heading(answers), elem_classes=["heading"])
        pictures = example_pictures(answers, folder)
        served = Served(answers, folder, example_sentences(answers), pictures)
        with gr.Tab("Search by sentence · 以文搜图"):
            sentence_tab(served)
        with gr.Tab("Search by picture · 以图搜图"):
            picture_tab(served)
        if answers.sentences is not None:
            with gr.Tab("Sentences for a picture · 图片配文"):
                describe_tab(served)
        with gr.Tab("Labels · 零样本分类"):
            label_tab(served)
    page.queue(max_size=WAITING, api_open=False)
    page.state_session_capacity = SESSIONS  # what Gradio's own server would be told
    page.look = appearance
    return page
