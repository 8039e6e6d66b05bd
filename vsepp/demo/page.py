"""The page: four tabs, in English and Chinese."""

import inspect

import gradio as gr

from vsepp.demo.examples import example_labels, example_pictures, example_sentences
from vsepp.demo.limits import FORMATS, MAX_ANSWERS, MAX_MEGABYTES, uploaded_file
from vsepp.demo.thumbnails import ThumbnailFolder
from vsepp.report.web_page import escape
from vsepp.system.errors import InputError

TITLE = "Photographs and sentences · 图文互搜"
AT_ONCE = 2  # queries being answered: one by the model, while another's pictures are read
WAITING = 64  # queries in the queue; more are told to come later
SESSIONS = 64  # visitors whose state Gradio keeps, although the page has none
KEPT = 3600  # seconds that uploads and thumbnails are kept
_FONTS = (
    "system-ui",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
CSS = """
.remark p { margin: 0; padding: 6px 10px; border-radius: 6px; }
.remark .refused { background: #fdecc8; color: #5c3a00; border-left: 4px solid #e0a100; }
.remark .said { color: var(--body-text-color-subdued); }
.answers .grid-container { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
.answers .caption-label { white-space: nowrap; overflow: hidden; text-overflow: ellipsis;
                          max-width: 100%; }
.picture img { object-fit: contain; width: 100%; height: 100%; }
"""


def build_page(answers, folder):
    """The page as ``gradio.Blocks``, with a bounded queue.

    Args:
        answers: ``vsepp.demo.answers.QueryAnswerer``.
        folder: where Gradio puts uploads, that is ``GRADIO_TEMP_DIR``; example pictures and
            thumbnails go there too.
    """
    look = {"theme": _theme(), "css": CSS}
    with gr.Blocks(
        title=TITLE,
        analytics_enabled=False,
        delete_cache=(600, KEPT),
        **accepted(gr.Blocks.__init__, **look),
    ) as page:
        gr.HTML(_heading(answers))
        pictures, show = example_pictures(answers, folder), _shown_by(ThumbnailFolder(folder))
        with gr.Tab("Search by sentence · 以文搜图"):
            _sentence_tab(answers, show)
        with gr.Tab("Search by picture · 以图搜图"):
            _picture_tab(answers, show, pictures, folder)
        if answers.sentences is not None:
            with gr.Tab("Sentences for a picture · 图片配文"):
                _describe_tab(answers, pictures, folder)
        with gr.Tab("Labels · 零样本分类"):
            _label_tab(answers, pictures, folder)
    page.queue(max_size=WAITING, api_open=False)
    page.state_session_capacity = SESSIONS  # what Gradio's own server would be told
    page.look = look
    return page


def accepted(function, **wishes):
    """Those of the keywords that a function takes: Gradio's versions differ."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in wishes.items() if name in known}


def _theme():
    """Fonts that the visitor's machine has: nothing is fetched from elsewhere."""
    return gr.themes.Default(font=list(_FONTS), font_mono=list(_FONTS))


def _heading(answers):
    return (
        f"<h1>{escape(TITLE)}</h1><p>Searching {escape(answers.photographs.described)}. "
        f"Pictures: {escape(', '.join(FORMATS))}, up to {MAX_MEGABYTES} MB.<br>"
        f"可上传 {MAX_MEGABYTES} MB 以内的图片。</p>"
    )


# ---- the tabs ------------------------------------------------------------------------------


def _sentence_tab(answers, show):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            text = gr.Textbox(
                label="Sentence · 句子",
                lines=2,
                max_lines=4,
                placeholder="two dogs run through the snow",
            )
            count = _count()
            button = gr.Button("Search · 搜索", variant="primary")
            remark = _remark()
        with gr.Column(scale=3, min_width=320):
            found = _photographs()
    _connect(
        answers.search_by_sentence,
        show,
        [],
        "search_by_sentence",
        [button.click, text.submit],
        [text, count],
        [found, remark],
        [[sentence] for sentence in example_sentences(answers)],
        [text],
    )


def _picture_tab(answers, show, pictures, folder):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picture, count = _picture(), _count()
            button = gr.Button("Search · 搜索", variant="primary")
            remark = _remark()
        with gr.Column(scale=3, min_width=320):
            found = _photographs()
    _connect(
        answers.search_by_image,
        show,
        [],
        "search_by_picture",
        [button.click],
        [picture, count],
        [found, remark],
        [[path] for path in pictures],
        [picture],
        folder,
    )


def _describe_tab(answers, pictures, folder):
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picture, count = _picture(), _count()
            button = gr.Button("Find sentences · 配文", variant="primary")
            remark = _remark()
        with gr.Column(scale=3, min_width=320):
            found = gr.Dataframe(
                headers=["#", "Similarity · 相似度", "Sentence · 句子"],
                datatype=["number", "str", "str"],
                interactive=False,
                wrap=True,
                label=f"Of {answers.sentences.described} · 结果",
                type="array",
                column_widths=["10%", "20%", "70%"],
            )
    _connect(
        answers.sentences_for,
        _show_sentences,
        [],
        "sentences_for_picture",
        [button.click],
        [picture, count],
        [found, remark],
        [[path] for path in pictures],
        [picture],
        folder,
    )


def _label_tab(answers, pictures, folder):
    labels = example_labels(answers)
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            picture = _picture()
            text = gr.Textbox(
                labels,
                label="Labels · 标签",
                lines=3,
                max_lines=8,
                info="One per line, or with commas between them · 每行一个，或用逗号分隔",
            )
            button = gr.Button("Classify · 分类", variant="primary")
            remark = _remark()
        with gr.Column(scale=3, min_width=320):
            found = gr.Label(label="Probabilities · 概率")
    _connect(
        answers.label,
        lambda odds: dict(odds),
        None,
        "label_picture",
        [button.click],
        [picture, text],
        [found, remark],
        [[path] for path in pictures],
        [picture],
        folder,
    )


def _picture():
    return gr.Image(
        type="filepath",
        label="Picture · 图片",
        sources=["upload", "clipboard"],
        height=300,
        elem_classes=["picture"],
    )


def _count():
    return gr.Slider(1, MAX_ANSWERS, value=10, step=1, label="Answers · 结果数量")


def _remark():
    return gr.HTML(elem_classes=["remark"])


def _photographs():
    no_sharing = accepted(
        gr.Gallery.__init__, buttons=["download", "fullscreen"], show_share_button=False
    )
    return gr.Gallery(
        label="Photographs found · 结果",
        columns=4,
        height="auto",
        object_fit="contain",
        format="jpeg",
        interactive=False,
        elem_classes=["answers"],
        **no_sharing,
    )


# ---- queries -------------------------------------------------------------------------------


def _connect(
    query, show, nothing, name, triggers, inputs, outputs, examples, examples_for, folder=None
):
    """Let triggers, and clicks on examples, answer a query.

    What comes from the browser is taken as it is (``preprocess=False``): Gradio would decode a
    picture by itself, whatever it is. :mod:`vsepp.demo.limits` judges it.

    Args:
        query: a method of ``QueryAnswerer``.
        show: from what it found to the first output's value.
        nothing: the first output's value when the query is refused.
        name: of the endpoint.
        triggers: events.
        inputs: the query's arguments; the first is a picture when there is a ``folder``.
        outputs: where the answer and the remark go.
        examples, examples_for: values of the inputs ``examples_for``.
        folder: where uploads are.
    """

    def answer(first, second):
        try:
            if folder is not None:
                first = uploaded_file(first, folder)
            found, remark = query(first, second)
        except InputError as error:
            return nothing, f'<p class="refused" role="alert">{escape(error)}</p>'
        return show(found), f'<p class="said">{escape(remark)}</p>' if remark else ""

    shared = dict(
        inputs=inputs,
        outputs=outputs,
        preprocess=False,
        concurrency_id="answers",
        concurrency_limit=AT_ONCE,
    )
    gr.on(triggers, answer, api_name=name, **shared)
    if examples:
        shown = gr.Examples(examples, examples_for, label="Examples · 示例", cache_examples=False)
        listen = shown.load_input_event.then
        unnamed = accepted(gr.Button.click, api_visibility="private") or {"api_name": False}
        listen(answer, **unnamed, **shared)


def _shown_by(thumbnails):
    """From photographs that were found to what ``gradio.Gallery`` takes."""

    def show(found):
        return [
            (
                thumbnails.path(photograph.path),
                f"{rank} · {photograph.score:.3f} · {photograph.name}",
            )
            for rank, photograph in enumerate(found, 1)
        ]

    return show


def _show_sentences(found):
    return [[rank, f"{score:.3f}", sentence] for rank, (sentence, score) in enumerate(found, 1)]
