"""How the page looks: its fonts, its style sheet, its head line."""

import gradio as gr

from vsepp.demo import captioned_picture
from vsepp.report.web_page import escape

TITLE, CAPTIONS_TITLE = "Photographs and sentences · 图文互搜", "Captions · 看图说话"
_FONTS = (
    "system-ui",
    "Segoe UI",
    "PingFang SC",
    "Microsoft YaHei",
    "Noto Sans CJK SC",
    "sans-serif",
)
_CSS = """
.gradio-container { max-width: none !important; }
.gradio-container .fillable { padding: 16px clamp(8px, 2.5vw, 32px) !important; }
.heading h1 { margin: 0; font-size: 1.5rem; line-height: 1.3; }
.heading p { margin: 2px 0 0; opacity: 0.75; }
.remark p { margin: 0; padding: 6px 10px; border-radius: 6px; overflow-wrap: anywhere; }
.remark .refused { background: #fdecc8; color: #5c3a00; border-left: 4px solid #e0a100; }
.remark .said { opacity: 0.75; }
.remark:not(:has(p)) { display: none; }
.note .html-container { padding: 0; }
.note p { margin: 0 2px; font-size: 0.875rem; opacity: 0.75; }
.picture img { object-fit: contain; width: 100%; height: 100%; }
/* the grid: as many columns as there is room for, and as high as what was found */
.answers .grid-wrap { height: auto !important; min-height: 60px !important;
  max-height: none !important; overflow: visible !important; }
.answers .grid-container { height: auto !important; padding-top: 22px;
  grid-auto-rows: auto !important; grid-template-rows: none !important;
  grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)) !important; }
.answers .thumbnail-item { width: 100%; height: auto; aspect-ratio: 4 / 3.5;
  padding-bottom: 26px; background: var(--background-fill-secondary); }
.answers .thumbnail-item img { width: 100%; height: 100%; object-fit: contain; }
.answers .thumbnail-item.selected { outline: none;
  border-color: var(--border-color-primary) !important; }
.answers .caption-label { left: 0; right: 0; bottom: 0; max-width: none; border: none;
  padding: 2px 8px; background: none; box-shadow: none; text-align: left; white-space: nowrap;
  overflow: hidden; text-overflow: ellipsis; }
/* one photograph, above all else */
.photograph-view { position: fixed !important; inset: 0; z-index: 1000; overflow: auto;
  padding: 12px; gap: 8px; background: var(--body-background-fill); }
.photograph-view .enlarged { flex: none; border: 0 !important; background: none; }
.photograph-view .enlarged img { width: auto; max-width: 100%; height: auto; margin: 0 auto;
  max-height: calc(100vh - 170px); max-height: calc(100dvh - 170px); object-fit: contain; }
.photograph-view .row button { padding: 8px; }
button.primary, button.secondary { white-space: nowrap; }
.photograph-view .told { text-align: center; }
.photograph-view .told p { margin: 2px 0; overflow-wrap: anywhere; }
.photograph-view .told .path { font-size: 0.875rem; user-select: all; }
@media (max-width: 640px) {
  .heading h1 { font-size: 1rem; }
  .tab-wrapper { height: auto !important; }
  .tab-container { flex-wrap: wrap; height: auto !important; overflow: visible !important; }
  .tab-container button { height: 32px !important; padding: 0 8px !important;
    font-size: 0.75rem !important; }
  .picture { height: 200px !important; }
  .answers .grid-container { grid-template-columns: repeat(2, minmax(0, 1fr)) !important; }
}
"""
# The Escape key closes the photograph that is shown large.
_JS = """() => document.addEventListener("keydown", (event) => {
  if (event.key === "Escape")
    for (const close of document.querySelectorAll("button.photograph-close"))
      if (close.offsetParent) close.click();
})"""


def look():
    """What the page looks like, as keywords of Gradio.

    The fonts are such as the visitor's machine has: nothing is fetched from elsewhere.
    """
    theme = gr.themes.Default(font=list(_FONTS), font_mono=list(_FONTS))
    return {"theme": theme, "css": _CSS + captioned_picture.CSS, "js": _JS}


def title(answers):
    """What the page is called; ``answers`` is None where it only captions."""
    return CAPTIONS_TITLE if answers is None else TITLE


def heading(answers, captions):
    """HTML that stands above the tabs; either may be None."""
    said = [f"searching {answers.photographs.described}"] if answers else []
    said += [f"captions by {captions.described}"] if captions else []
    said = "; ".join(said)
    return f"<h1>{escape(title(answers))}</h1><p>{escape(said[:1].upper() + said[1:])}</p>"
