"""The tutorial: its pages in English and Chinese, the figures and the notebooks in them."""

import common  # noqa: F401  which explains imports that fail
