"""A Sphinx directive: a part of the page "play", which TypeScript in `docs/play/` fills.

    ```{play} draw
    What stands there instead without JavaScript, or where the scripts were not built.
    ```

`python -m docs.play` puts the scripts beside the pages of both languages.
"""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

SCRIPT = "../play/play.js"  # from a page


class PlayPart(SphinxDirective):
    """`name` -> the place of a part; its content goes away once the part is there."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in the directive's place."""
        start = f'<div class="play" data-part="{self.arguments[0]}">'
        return [
            nodes.raw("", start, format="html"),
            *self.parse_content_to_nodes(),
            nodes.raw("", "</div>", format="html"),
        ]


def is_built(app: Sphinx) -> bool:
    """Whether the scripts are where pages look for them."""
    return (Path(app.outdir) / SCRIPT).resolve().is_file()


def add_script(app: Sphinx, page: str, template: str, context: dict[str, object], tree: object) -> None:
    """Let pages with parts load the script, where it was built."""
    if page == "play" and is_built(app):
        app.add_js_file(SCRIPT.replace("../", "../../", 1))  # from _static


def outdated(app: Sphinx, *others: object) -> list[str]:
    """Have the page made again: the script may have been built, or removed, since."""
    return ["play"]


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("play", PlayPart)
    app.connect("html-page-context", add_script)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True}
