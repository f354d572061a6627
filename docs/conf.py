"""How Sphinx builds the tutorial: `make docs`, once for docs/en and once for docs/zh.

https://www.sphinx-doc.org/en/master/usage/configuration.html
"""

import logging
import sys
from pathlib import Path

import jieba

sys.path.insert(0, str(Path(__file__).parent))

project = "GAN Step By Step"
html_title = project
extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.mathjax",
    "sphinx-mathjax-offline",
    "side_by_side",
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
html_theme = "furo"
html_theme_options: dict[str, object] = {"top_of_page_buttons": []}
html_static_path = ["static"]
html_css_files = ["tutorial.css"]
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
templates_path = ["templates"]
exclude_patterns: list[str] = []

jieba.setLogLevel(logging.WARNING)  # it cuts Chinese into words, for the search
