"""The page's tabs, each with one query that is answered already."""

import os
from typing import NamedTuple, Optional

import gradio as gr

from vsepp.demo.answers import QueryAnswerer
from vsepp.demo.caption_answers import MAX_SENTENCES, CaptionAnswerer
from vsepp.demo.captioned_picture import show_captions
from vsepp.demo.examples import EXAMPLES, example_labels
from vsepp.demo.grid import PhotographGrid, showing
from vsepp.demo.limits import FORMATS, MAX_ANSWERS, MAX_MEGABYTES
from vsepp.demo.queries import answering, connect

_COUNT = 10  # answers, unless a visitor wants more or fewer


class Served(NamedTuple):
    """What the tabs are of.

    Attributes:
        answers: ``vsepp.demo.answers.QueryAnswerer``, or None.
        folder: where uploads and thumbnails are.
        sentences: examples.
        pictures: examples: paths in ``folder``.
        captions: ``vsepp.demo.caption_answers.CaptionAnswerer``, or None.
    """

    answers: Optional[QueryAnswerer]
    folder: str
    sentences: list
    pictures: list
    captions: Optional[CaptionAnswerer] = None

    @property
    def kept(self):
        """The folder below ``folder`` that stays while the page is served."""
        return os.path.join(self.folder, EXAMPLES)

    @property
    def picture(self):
        """The picture that is asked about at first, as a browser sends it, or None."""
        return {"path": self.pictures[0]} if self.pictures else None


def sentence_tab(served):
    """Photographs for a sentence. Enter searches."""
    query = served.answers.search_by_sentence
    first = served.sentences[0] if served.sentences else ""
    if first:
        found, said = answering(query, showing(served.kept), [])(first, _COUNT)
    else:  # a model that understands none of the examples
        found, said = answering(served.answers.more_like, showing(served.kept), [])(0, _COUNT)
    with gr.Row(equal_height=True):
        # of one line: Enter adds none; what is longer is wrapped
        text = gr.Textbox(
            first,
            label="Sentence · 句子",
            lines=1,
            max_lines=4,
            placeholder="two dogs run through the snow",
            scale=5,
            min_width=280,
        )
        with gr.Column(scale=2, min_width=200):
            count = _count()
        button = gr.Button("Search · 搜索", variant="primary", scale=1, min_width=140)
    remark = _remark(said)
    grid = PhotographGrid(served.answers, served.folder, found)
    grid.enlarge_on_click("more_like_this", count, remark)
    connect(
        answering(query, showing(served.folder), []),
        "search_by_sentence",
        [button.click, text.submit],
        [text, count],
        [grid.gallery, remark],
        served.sentences,
    )


def picture_tab(served):
    """Photographs for a picture."""
    query = served.answers.search_by_image
    found, said = _answered_at_first(served, query, showing(served.kept), [], _COUNT)
    with gr.Row():
        asked, picture, count, button, remark = _asking(served, "Search · 搜索", said)
        with gr.Column(scale=3, min_width=320):
            grid = PhotographGrid(served.answers, served.folder, found)
    grid.enlarge_on_click(None, count, remark)
    with asked:
        connect(
            answering(query, showing(served.folder), [], served.folder),
            "search_by_picture",
            [button.click],
            [picture, count],
            [grid.gallery, remark],
            served.pictures,
        )


def describe_tab(served):
    """Sentences for a picture."""
    query = served.answers.sentences_for
    found, said = _answered_at_first(served, query, _show_sentences, [], _COUNT)
    with gr.Row():
        asked, picture, count, button, remark = _asking(served, "Find sentences · 配文", said)
        with gr.Column(scale=3, min_width=320):
            table = gr.Dataframe(
                found or None,
                headers=["#", "Similarity · 相似度", "Sentence · 句子"],
                datatype=["number", "str", "str"],
                interactive=False,
                wrap=True,
                label=f"Of {served.answers.sentences.described} · 结果",
                type="array",
                column_widths=["12%", "28%", "60%"],
            )
    with asked:
        connect(
            answering(query, _show_sentences, [], served.folder),
            "sentences_for_picture",
            [button.click],
            [picture, count],
            [table, remark],
            served.pictures,
        )


def label_tab(served):
    """Probabilities of labels for a picture."""
    query, labels = served.answers.label, example_labels(served.answers)
    found, said = None, ""
    if labels:
        found, said = _answered_at_first(served, query, dict, None, labels)
    with gr.Row():
        with gr.Column(scale=1, min_width=280) as asked:
            picture = _picture(served)
            text = gr.Textbox(
                labels,
                label="Labels · 标签",
                lines=3,
                max_lines=8,
                info="One per line, or with commas between them · 每行一个，或用逗号分隔",
            )
            button = gr.Button("Classify · 分类", variant="primary")
            remark = _remark(said)
        with gr.Column(scale=3, min_width=320):
            odds = gr.Label(found, label="Probabilities · 概率")
    with asked:
        connect(
            answering(query, dict, None, served.folder),
            "label_picture",
            [button.click, text.submit],
            [picture, text],
            [odds, remark],
            served.pictures,
        )


def caption_tab(served):
    """Sentences that a captioner makes for a picture, and where each word looked."""
    query = served.captions.caption
    found, said = _answered_at_first(served, query, show_captions, "", MAX_SENTENCES)
    with gr.Row():
        asked, picture, count, button, remark = _asking(
            served, "Caption · 生成描述", said, MAX_SENTENCES
        )
        with gr.Column(scale=3, min_width=320):
            sentences = gr.HTML(found, elem_classes=["captions"])
    with asked:
        connect(
            answering(query, show_captions, "", served.folder),
            "caption_picture",
            [button.click],
            [picture, count],
            [sentences, remark],
            served.pictures,
        )


def _answered_at_first(served, query, show, nothing, second):
    """(answer, remark) for the first example picture; nothing where there is none."""
    if served.picture is None:
        return nothing, ""
    return answering(query, show, nothing, served.folder)(served.picture, second)


def _asking(served, label, said, most=MAX_ANSWERS):
    """The column that asks with a picture: itself, the picture, how many answers, the button and
    the remark."""
    with gr.Column(scale=1, min_width=280) as column:
        picture, count = _picture(served), _count(most)
        button = gr.Button(label, variant="primary")
        remark = _remark(said)
    return column, picture, count, button, remark


def _picture(served):
    picture = gr.Image(
        served.picture and served.picture["path"],
        type="filepath",
        label="Picture · 图片",
        sources=["upload", "clipboard"],
        height=300,
        elem_classes=["picture"],
    )
    gr.HTML(
        f"<p>{', '.join(FORMATS)}; {MAX_MEGABYTES} MB at most · 可上传 {MAX_MEGABYTES} MB "
        "以内的图片</p>",
        elem_classes=["note"],
    )
    return picture


def _count(most=MAX_ANSWERS):
    return gr.Slider(1, most, value=min(_COUNT, most), step=1, label="Answers · 结果数量")


def _remark(said):
    return gr.HTML(said, elem_classes=["remark"])


def _show_sentences(found):
    return [[rank, f"{score:.3f}", sentence] for rank, (sentence, score) in enumerate(found, 1)]
