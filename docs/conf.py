"""How Sphinx builds the tutorial: `make docs`, once for docs/en and once for docs/zh.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

import logging
import re
import sys
from pathlib import Path
from typing import Any

import jieba
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.search.zh import SearchChinese

sys.path.insert(0, str(Path(__file__).parent))

project = "GAN Step By Step"
html_title = project
extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "side_by_side",
    "play_part",
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_theme_options: dict[str, object] = {"top_of_page_buttons": []}
html_static_path = ["static"]
html_css_files = ["tutorial.css", "play.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
templates_path = ["templates"]
exclude_patterns: list[str] = []

# The search. Summaries are fetched, which browsers do not allow a page that lies on a disk.
html_show_search_summary = False
SearchChinese.language_name = "English"  # its stemmer's: https://github.com/sphinx-doc/sphinx/issues/14229
jieba.setLogLevel(logging.WARNING)  # it cuts Chinese into words; the terms of the glossary are whole ones
glossary = (Path(__file__).parent / "zh" / "glossary.md").read_text(encoding="utf-8")
for term in re.findall(r"^\*\*.+\*\* · (\w+)", glossary, re.MULTILINE):
    jieba.add_word(term)

CHINESE = {
    "Next": "下一章",
    "Previous": "上一章",
    "Home": "首页",
    "On this page": "本页内容",
}  # which furo lacks


def translate_furo(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    """Let Chinese pages say in Chinese what Sphinx has no translation of."""
    if app.config.language.startswith("zh"):
        context["_"] = lambda text: CHINESE.get(text) or _(text)


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("html-page-context", translate_furo)
