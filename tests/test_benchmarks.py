"""What the benchmark counts, measures and shows."""

import re

import pytest

from benchmarks.__main__ import main
from benchmarks.pace import Contender, take_turns
from benchmarks.results import CHINESE, PAGES, page_tables
from benchmarks.work import Work, gigaflop
from common.config import Config
from common.data.mnist import REPOSITORY
from common.engines import ENGINES
from common.networks import Dense, networks
from common.results import PLACE, with_tables
from tests.conftest import require


def test_arithmetic_is_that_of_chapter_7() -> None:
    """In million operations; the two plain loops as the chapter counts them."""
    work = Work(Config())
    assert 1e3 * gigaflop(work.ours()) == pytest.approx(2044.3, abs=0.05)
    assert 1e3 * gigaflop(work.nothing_cut(judged_together=False)) == pytest.approx(2044.3 + 666.0, abs=0.1)
    assert 1e3 * gigaflop(work.nothing_cut(judged_together=True)) == pytest.approx(1.376 * 2044.3, abs=1)


def test_convolutions_are_counted_place_by_place() -> None:
    """Multiplications with each image: conv1 14 · 14 · 16 · 32, conv2 7 · 7 · 512 · 64, and so on."""
    d = [100_352, 1_605_632, 802_816, 256]
    g = [313_600, 1_605_632, 100_352]
    discriminator_step = sum(g) + 2 * (2 * sum(d) + sum(d[1:]))
    generator_step = sum(g) + 2 * sum(d) + sum(g) + sum(g[1:])
    work = Work(Config(networks="convolutional"))
    assert 1e9 * gigaflop(work.ours()) == pytest.approx(2 * 64 * (discriminator_step + generator_step))


def test_the_limit_computes_what_is_counted() -> None:
    require("torch")
    from benchmarks.limit import adam, product

    config = Config(batch_size=2, noise_dim=3)
    for one in Work(config).ours():
        layer = one.layer
        assert isinstance(layer, Dense)
        expected = {
            "output": (one.images, layer.fan_out),
            "weight gradients": (layer.fan_out, layer.fan_in),
            "input gradients": (one.images, layer.fan_in),
        }
        assert product(one)().shape == expected[one.of]
    optimizer = adam(networks(config)[1], config).__self__  # type: ignore[attr-defined]
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    assert sum(weight.numel() for weight in weights) == 1_486_352 - 97 * 256
    before = [weight.clone() for weight in weights]
    optimizer.step()
    assert all((old != new).any() for old, new in zip(before, weights, strict=True))


def test_the_limit_of_convolutions_computes_what_is_counted() -> None:
    require("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from benchmarks.limit import product

    for one in Work(Config(networks="convolutional", batch_size=2, noise_dim=3)).ours():
        if not isinstance(one.layer, Dense):
            call = product(one)
            with FlopCounterMode(display=False) as counter:
                call()
            assert counter.get_total_flops() == one.operations


@pytest.mark.slow
def test_contenders_take_turns() -> None:
    require("torch")
    config = Config(batch_size=16, dataset="digits")
    loop = Contender("loop", ENGINES["PyTorch"].package, "1", config=config)
    paces = take_turns(Contender("limit", config=config), {"PyTorch": loop}, rounds=2, title="test")
    assert paces["limit"].times_limit == 1
    first, third = paces["PyTorch"].quartiles
    assert 0 < first <= paces["PyTorch"].times_limit <= third
    # On Linux a process begins with the peak of the one that starts it, here that of all tests before.
    assert paces["PyTorch"].peak_memory_mib >= paces["limit"].peak_memory_mib > 100
    assert loop.process.returncode == 0


def test_a_part_that_is_not_there(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["benchmarks", "paces"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert re.fullmatch(
        r"error: PART must be one of pace, .* and tables, not paces\.\n", capsys.readouterr().err
    )


@pytest.mark.parametrize("page", PAGES)
def test_tables_on_pages_are_those_of_results(page: str) -> None:
    made, path = page_tables(), REPOSITORY / page
    text = path.read_text(encoding="utf-8")
    places = {place[2] for place in PLACE.finditer(text)}
    assert made.keys() & places, "the page shows no table of the benchmark"
    assert with_tables(path, made, CHINESE) == text, "write them anew with `python -m benchmarks tables`"


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_times_of_the_limit_stand_beside_the_pictures(page: str) -> None:
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    shown = re.findall(r"\| !\[(.*?)\]\(docs/images/\S+\) \| (\d\.\d\d) \|", text)
    pace = page_tables()["amd-epyc-2-cores.pace"]
    measured = {row[0]: row[pace.headings.index("times the limit")] for row in pace.rows}
    assert dict(shown) == {name: measured[name] for name in ENGINES}
