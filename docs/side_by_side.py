"""A Sphinx directive: one symbol in all three frameworks, in tabs.

    ```{side-by-side} training.py GAN.discriminator_step
    ```

The lines are taken from the sources when the page is built; a symbol that is not there fails the build.
"""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

from common.engines import FRAMEWORKS

TAB = """\
````{{tab-item}} {title}
:sync: {title}

```{{literalinclude}} ../../{folder}/{file}
:pyobject: {symbol}
:dedent:
```
````
"""


class SideBySide(SphinxDirective):
    """`file symbol` -> a tab for each framework; all tabs of a page follow the one that is chosen."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """The nodes that stand in the directive's place."""
        file, symbol = self.arguments
        tabs = [
            TAB.format(title=title, folder=engine.package, file=file, symbol=symbol)
            for title, engine in FRAMEWORKS.items()
        ]
        text = "\n".join(["`````{tab-set}", ":sync-group: framework", "", *tabs, "`````"])
        return self.parse_text_to_nodes(text)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register the directive."""
    app.add_directive("side-by-side", SideBySide)
    return {"parallel_read_safe": True}
