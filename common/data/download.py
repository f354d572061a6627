"""Published files, from the first of their mirrors that gives them whole."""

import logging
import queue
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import filelock

from common.errors import GanError, reason
from common.machine.files import PARTIAL, locked, remove_partial

SECONDS_TO_FIND_A_MIRROR = 8
SECONDS_WITHOUT_A_BYTE = 10  # before a download counts as broken


class NoMirrorError(GanError):
    """No mirror gives the files; `why` says what stands against each."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


def download(title: str, mirrors: Sequence[str], files: Mapping[str, str], folder: Path) -> None:
    """Fetch `files`, name -> SHA-256, into `folder`, each verified before it takes its place.

    Raises:
        NoMirrorError: no mirror answered, or none gave the files.
        GanError: `folder` cannot be written.
    """
    print(f"Looking for {title}: it is not in {folder} yet.", file=sys.stderr)
    answering, failures = ask_mirrors(mirrors, next(iter(files)))
    if answering:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with one_at_a_time(folder):
                for mirror in answering:
                    if (failure := fetch(mirror, files, folder)) is None:
                        return
                    failures[mirror] = failure
                    print(f"That mirror failed: {failure}.", file=sys.stderr)
        except OSError as error:
            raise GanError(
                f"{folder} cannot be written ({reason(error)}); choose another folder with --data-dir."
            ) from None
    why = in_words(failures)
    raise NoMirrorError(
        f"{title} is not in {folder}, and none of its mirrors gives it ({why}); fix that, or put "
        f"{' and '.join(files)} into that folder yourself, or use --dataset digits.",
        why,
    )


def ask_mirrors(mirrors: Sequence[str], file: str) -> tuple[list[str], dict[str, str]]:
    """Those that answer within `SECONDS_TO_FIND_A_MIRROR`, the fastest first, and why the others do not.

    They are asked side by side in daemon threads: where packets are silently dropped, a name look-up
    alone can block for longer than anyone wants to wait, and nothing can interrupt it.
    """
    import requests

    answers: queue.Queue[tuple[str, str | None]] = queue.Queue()

    def ask(mirror: str) -> None:
        try:
            url, timeout = f"{mirror}{file}", SECONDS_TO_FIND_A_MIRROR
            requests.head(url, timeout=timeout, allow_redirects=True).raise_for_status()
            answers.put((mirror, None))
        except Exception as error:  # a proxy or certificates that are not there have exceptions of their own
            answers.put((mirror, in_few_words(error)))

    for mirror in mirrors:
        threading.Thread(target=ask, args=(mirror,), daemon=True).start()
    answering: list[str] = []
    failures = dict.fromkeys(mirrors, "no answer in time")
    deadline = time.monotonic() + SECONDS_TO_FIND_A_MIRROR
    for _ in mirrors:
        try:
            mirror, failure = answers.get(timeout=max(0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if failure is None:
            answering.append(mirror)
            deadline = min(deadline, time.monotonic() + 1)  # the others get one second more
        else:
            failures[mirror] = failure
    return answering, failures


def in_few_words(error: Exception) -> str:
    """The innermost cause of what `requests` raised, which wraps it several times."""
    import requests

    if isinstance(error, requests.HTTPError):
        return f"HTTP status {error.response.status_code}, {error.response.reason}"
    cause: BaseException = error
    while inner := cause.__cause__ or cause.__context__:
        cause = inner
    said = " ".join((reason(cause) if isinstance(cause, OSError) else str(cause)).split()).rstrip(".")
    if isinstance(error, requests.exceptions.ProxyError):
        return f"the proxy: {said}"
    return f"{said} (no network?)" if isinstance(cause, socket.gaierror) else said


def in_words(failures: Mapping[str, str]) -> str:
    """What stands against each mirror, each reason once."""
    hosts: dict[str, list[str]] = {}
    for mirror, failure in failures.items():
        hosts.setdefault(failure, []).append(urlsplit(mirror).netloc)
    return "; ".join(f"{' and '.join(names)}: {failure}" for failure, names in hosts.items())


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Wait until no other process downloads into `folder`, and remove what killed ones left there."""
    with ExitStack() as held:
        alone = False
        try:
            alone = held.enter_context(locked(folder))
        except filelock.Timeout:
            print(f"Another process downloads into {folder}; waiting for it.", file=sys.stderr)
            alone = held.enter_context(locked(folder, wait=True))
        except PermissionError:
            pass  # a lock of another user: then side by side
        if alone:
            remove_partial(folder)
        yield


def fetch(mirror: str, files: Mapping[str, str], folder: Path) -> str | None:
    """Fetch those of `files` that `folder` lacks; return what went wrong, if anything, with the mirror.

    pooch retries and verifies, in a folder of its own.

    Raises:
        GanError: a folder is in the place of a file.
        OSError: `folder` cannot be written.
    """
    import pooch
    import requests

    pooch.get_logger().setLevel(logging.WARNING)
    fetch_with = pooch.HTTPDownloader(progressbar=True, timeout=SECONDS_WITHOUT_A_BYTE, chunk_size=1 << 16)
    with tempfile.TemporaryDirectory(prefix=PARTIAL, dir=folder) as partial:
        registry = {name: f"sha256:{digest}" for name, digest in files.items()}
        mirrored = pooch.create(partial, mirror, registry=registry, retry_if_failed=2)
        for name in files:
            if (folder / name).is_file():
                continue
            if (folder / name).is_dir():
                raise GanError(f"{folder / name} is a folder, where a file should be; move it away.")
            print(f"Downloading {mirror}{name}", file=sys.stderr)
            try:
                fetched = mirrored.fetch(name, downloader=fetch_with)
            except requests.RequestException as error:
                return in_few_words(error)
            except ValueError:
                return "it gives another file than the published one"
            # pooch lets nobody else read what it fetched; a copy has the permissions of any new file.
            copy = Path(partial, "copy")
            shutil.copyfile(fetched, copy)
            copy.replace(folder / name)
    return None
