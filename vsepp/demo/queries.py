"""From what a visitor does to what the page shows."""

import gradio as gr

from vsepp.demo.limits import uploaded_file
from vsepp.demo.versions import unnamed
from vsepp.report.web_page import escape
from vsepp.system.errors import InputError

AT_ONCE = 2  # queries being answered: one by the model, while another's pictures are read
WAITING = 64  # queries in the queue; more are told to come later


def answering(query, show, nothing, folder=None):
    """A function from two inputs, as a browser sends them, to two outputs: answer and remark.

    Args:
        query: a method of ``QueryAnswerer``.
        show: from what it found to the answer's value.
        nothing: the answer's value when the query is refused.
        folder: where uploads are, when the first input is a picture.
    """

    def answer(first, second):
        try:
            if folder is not None:
                first = uploaded_file(first, folder)
            found, remark = query(first, second)
        except InputError as error:
            return nothing, f'<p class="refused" role="alert">{escape(error)}</p>'
        return show(found), f'<p class="said">{escape(remark)}</p>' if remark else ""

    return answer


def queued(inputs, outputs):
    """Keywords of every event that the model or the disk has to work for.

    What comes from the browser is taken as it is (``preprocess=False``): Gradio would decode a
    picture by itself, whatever it is. :mod:`vsepp.demo.limits` judges it.
    """
    return dict(
        inputs=inputs,
        outputs=outputs,
        preprocess=False,
        concurrency_id="answers",
        concurrency_limit=AT_ONCE,
    )


def connect(answer, name, triggers, inputs, outputs, examples):
    """Let triggers, and clicks on examples, answer a query.

    Args:
        answer: as :func:`answering` made it.
        name: of the endpoint.
        triggers: events.
        inputs: the query's two; the examples are values of the first.
        outputs: where the answer and the remark go.
        examples: list.
    """
    shared = queued(inputs, outputs)
    gr.on(triggers, answer, api_name=name, **shared)
    if examples:
        shown = gr.Examples(
            [[example] for example in examples],
            inputs[:1],
            label="Examples · 示例",
            cache_examples=False,
        )
        shown.load_input_event.then(answer, **unnamed(), **shared)
