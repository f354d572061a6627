"""The tutorial: its pages in English and Chinese, the figures and the notebooks in them."""
