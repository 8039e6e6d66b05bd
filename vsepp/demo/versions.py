"""What Gradio's versions, from 4 on, take differently."""

import inspect

import gradio as gr


def accepted(function, **wishes):
    """Those of the keywords that a function takes."""
    known = inspect.signature(function).parameters
    return {name: value for name, value in wishes.items() if name in known}


def unnamed():
    """Keywords of an event that is not to be among the named ones."""
    return accepted(gr.Button.click, api_visibility="private") or {"api_name": False}
