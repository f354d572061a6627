"""`make docs-serve`: the tutorial, as `make docs` has built it, for a browser on this machine."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NoReturn

from common.command_line.program import Parser, add_setting, carry_out
from common.machine.ports import PORT, check_free

SITE = Path(__file__).parent / "_site"


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Carry out the command line and exit."""
    carry_out(lambda: serve(arguments))


def serve(arguments: Sequence[str] | None) -> int:
    """Serve until Ctrl-C; return the exit status."""
    parser = Parser(prog="python -m docs.serve", description=__doc__, allow_abbrev=False)
    add_setting(parser, "--port", PORT, 8000)
    port = parser.parse_args(arguments).port
    check_free(port, "make docs-serve PORT={}")
    handler = partial(SimpleHTTPRequestHandler, directory=SITE)
    with ThreadingHTTPServer(("localhost", port), handler) as server, suppress(KeyboardInterrupt):
        print(f"Open   http://localhost:{port}   (Ctrl-C ends it)", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    main()
