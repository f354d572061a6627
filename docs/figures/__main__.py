"""`python -m docs.figures [NAME ...]`: draws the figures of the tutorial again, all or those named."""

import argparse
import importlib
import pkgutil

from docs import figures

names = [module.name for module in pkgutil.iter_modules(figures.__path__)]
names = [name for name in names if name not in ("__main__", "style")]

parser = argparse.ArgumentParser(
    prog="python -m docs.figures", description="Draw the tutorial's figures again."
)
parser.add_argument("names", metavar="NAME", nargs="*", choices=[*names, []], help=", ".join(names))
for name in parser.parse_args().names or names:
    print(name, flush=True)
    importlib.import_module(f"docs.figures.{name}").main()
