"""`python -m tests.mutations`: does the proof notice what it should?

One mistake after the other is planted in a copy of the repository, and the tests of the proof are run until
one of them fails. Prints a table; a mistake that nothing notices ends it with status 1.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common.engines import ENGINES

REPOSITORY = Path(__file__).parent.parent
TESTS = (  # the quick ones first
    "tests/test_feed.py",
    "tests/test_checkpoint.py",
    "tests/test_dropout.py",
    "tests/test_pytorch.py::test_nothing_is_computed_and_thrown_away",
    "tests/test_pytorch.py::test_iterations_are_those_of_hand_written_gradients",
    "tests/test_parity.py::test_one_step_agrees_to_rounding",
    "tests/test_parity.py::test_losses_agree_at_every_iteration",
    "tests/test_parity.py::test_losses_agree_in_every_variant",
)
COMMON = "all"  # a mistake in `common/` is one in all frameworks: they agree, and other tests must notice


@dataclass(frozen=True)
class Mutation:
    """A mistake: what `pattern` matches becomes `replacement`, wherever it stands in `file`."""

    name: str
    file: str
    pattern: str
    replacement: str
    keras_on: str = ""

    @property
    def framework(self) -> str:
        """The one it is planted in."""
        titles = {engine.package: title for title, engine in ENGINES.items() if not engine.keras_backend}
        return {**titles, "common": COMMON}.get(self.file.partition("/")[0], self.keras_on)


PYTORCH, TENSORFLOW, KERAS = "pytorch_gan/", "tensorflow_gan/", "keras_gan/"
MUTATIONS = (
    Mutation(
        "loss halved",
        TENSORFLOW + "training.py",
        r"return (tf\.reduce_mean\(real_losses\).*)",
        r"return 0.5 * (\1)",
    ),
    Mutation(
        "labels swapped",
        TENSORFLOW + "training.py",
        r"ones_like\(real_logits\)(.*\n.*)zeros_like\(fake_logits\)",
        r"zeros_like(real_logits)\1ones_like(fake_logits)",
    ),
    Mutation("no detach", PYTORCH + "training.py", r"\(noise\)\.detach\(\)", "(noise)"),
    Mutation("dropout 0.7", TENSORFLOW + "layers.py", r"self\.rate = rate", "self.rate = 1 - rate"),
    Mutation("slope 0.3", TENSORFLOW + "layers.py", r"SLOPE = 0\.2", "SLOPE = 0.3"),
    Mutation(
        "epsilon hat",
        TENSORFLOW + "optimisers.py",
        r"\(tf\.sqrt\(v_hat\) \+ self\.epsilon\)",
        "(tf.sqrt(v_hat) + self.epsilon * tf.sqrt(v_hat / v))",
    ),
    Mutation(
        "generator updated first",
        TENSORFLOW + "training.py",
        r"if self\.generator_first",
        "if not self.generator_first",
    ),
    Mutation("beta1 0.9", TENSORFLOW + "optimisers.py", r"config\.beta1", "0.9"),
    Mutation(
        "kernels transposed",
        PYTORCH + "exchange.py",
        r"torch\.tensor\(array\)\.t\(\)",
        "torch.tensor(array).reshape(array.shape[::-1])",
    ),
    Mutation(
        "dropout's seeds not carried on",
        KERAS + "backends/jax.py",
        r"variable\.assign\(new\).*",
        "pass",
        "Keras on JAX",
    ),
    Mutation("Adam one step ahead", KERAS + "backends/torch.py", r"\[t - 1\]", "[t]", "Keras on PyTorch"),
    Mutation("noise reused", TENSORFLOW + "training.py", r"_step\(g_noise\)", "_step(d_noise)"),
    Mutation("average from zero", TENSORFLOW + "optimisers.py", r"step > 1", "step > 0"),
    Mutation("average's decay squared", PYTORCH + "optimisers.py", r"avg_fn\(decay\)", "avg_fn(decay**2)"),
    Mutation(
        "1/2 forgotten",
        TENSORFLOW + "least_squares.py",
        r"return 0\.5 \* (tf\.reduce_mean\(\(fake)",
        r"return \1",
    ),
    Mutation(
        "penalty from real images only",
        TENSORFLOW + "wasserstein.py",
        r"mixed_images = .*",
        "mixed_images = real_images",
    ),
    Mutation("penalty's target 0", KERAS + "wasserstein.py", r"\(norms - 1\)", "norms", "Keras on PyTorch"),
    Mutation(
        "penalty's sum instead of mean",
        PYTORCH + "wasserstein.py",
        r"\(\(norms - 1\) \*\* 2\)\.mean\(\)",
        "((norms - 1) ** 2).sum()",
    ),
    Mutation("slope of labels counted", PYTORCH + "wasserstein.py", r"gradients\[:, :784\]", "gradients"),
    Mutation(
        "critic steps off by one",
        KERAS + "wasserstein.py",
        r"zip\(\*map\(ops\.unstack, of_critic\), strict=True\)",
        "list(zip(*map(ops.unstack, of_critic), strict=True))[1:]",
        "Keras on JAX",
    ),
    Mutation(
        "labels of other images",
        TENSORFLOW + "conditional.py",
        r"noise\[:, -self",
        "tf.roll(noise, 1, axis=0)[:, -self",
    ),
    Mutation(
        "padding off by one",
        TENSORFLOW + "layers.py",
        r'conv2d\((.*)padding="SAME"',
        r"conv2d(\1padding=[[0, 0], [2, 0], [2, 0], [0, 0]]",
    ),
    Mutation("kernels flipped", TENSORFLOW + "layers.py", r"conv2d\(x, self\.kernel", r"\g<0>[::-1, ::-1]"),
    Mutation(
        "flattened with channels first",
        PYTORCH + "convolutional.py",
        r"x\.permute\(0, 2, 3, 1\)\.flatten",
        "x.flatten",
    ),
    Mutation("momentum the other way round", PYTORCH + "convolutional.py", r"momentum=0\.1", "momentum=0.9"),
    Mutation("epsilon 1e-3", KERAS + "layers.py", r"epsilon = 1e-5", "epsilon = 1e-3", "Keras on PyTorch"),
    Mutation("running variance biased", TENSORFLOW + "layers.py", r"m / \(m - 1\) \* ", ""),
    Mutation(
        "discriminator step moves no statistics",
        KERAS + "training.py",
        r"stop_gradient\(self\.generator\(noise, training=True\)\)",
        "stop_gradient(self.generator(noise))",
        "Keras on JAX",
    ),
    Mutation("drawn with statistics of the batch", PYTORCH + "networks.py", r"generator\.eval\(\)", "pass"),
    Mutation(
        "gradients in the order of strides",
        KERAS + "backends/torch.py",
        r"g\.contiguous\(\)",
        "g",
        "Keras on PyTorch",
    ),
    Mutation(
        "mixing normal instead of uniform",
        "common/feed.py",
        r"\.random\((\s+\(self\.config\.batch_size, 1\))",
        r".standard_normal(\1",
    ),
    Mutation(
        "labels of generated images rolled by one",
        "common/feed.py",
        r"DISCRIMINATOR_NOISE, number, one\)",
        "DISCRIMINATOR_NOISE, number, np.roll(one, 1))",
    ),
    Mutation(
        "one-hot shifted by one",
        "common/feed.py",
        r"== np\.arange\(classes\)",
        "== np.arange(1, classes + 1)",
    ),
    Mutation(
        "critic batches overlap",
        "common/feed.py",
        r"range\(steps \* iteration, steps \* \(iteration \+ 1\)\)",
        "range(iteration, iteration + steps)",
    ),
    Mutation(
        "critic's updates not counted",
        "common/checkpoint.py",
        r"self\.iteration \* Config\(\*\*self\.config\)\.critic_steps",
        "self.iteration",
    ),
)


def concerned_tests(framework: str) -> str:
    """For `pytest -k`, which takes words: those of one framework alone, and without a long training."""
    if framework == COMMON:
        return "feed or checkpoint"
    others = " and ".join(f"not {word}" for word in ("Keras", "JAX", "1000") if word not in framework)
    words = " and ".join(word for word in framework.split() if word != "on")
    return f"{others} and ({words} or thrown_away)"


def first_failure(mutation: Mutation, copy: Path) -> str | None:
    """Plant `mutation` in `copy`, run the tests that concern its framework, and take it out again."""
    path = copy / mutation.file
    original = path.read_text(encoding="utf-8")
    mutated, count = re.subn(mutation.pattern, mutation.replacement, original)
    assert count > 0, f"{mutation.name} does not fit {mutation.file} any more"
    path.write_text(mutated, encoding="utf-8")
    concerned = concerned_tests(mutation.framework)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-n0",
            "-p",
            "no:cacheprovider",
            "-k",
            concerned,
            *TESTS,
        ],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )
    path.write_text(original, encoding="utf-8")
    assert done.returncode in (0, 1), done.stdout + done.stderr
    failed = re.search(r"^(?:FAILED|ERROR) \S+?::(.+?)(?: - .*)?$", done.stdout, flags=re.MULTILINE)
    return failed and failed[1]


def left_out(folder: str, names: list[str]) -> set[str]:
    """What a copy goes without: the hidden, the made, and what users keep in the repository's own folder."""
    kept_by_users = {"runs", "data"} if Path(folder) == REPOSITORY else set()
    made = re.compile(r"\.|__pycache__$|_site$|node_modules$|.*\.egg-info$")
    return kept_by_users | {name for name in names if made.match(name)}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "repository"
        shutil.copytree(REPOSITORY, copy, ignore=left_out)
        print("| planted | in | noticed first by |\n| --- | --- | --- |")
        unnoticed = []
        for mutation in MUTATIONS:
            test = first_failure(mutation, copy)
            print(
                f"| {mutation.name} | {mutation.framework} | {f'`{test}`' if test else '**nothing**'} |",
                flush=True,
            )
            if test is None:
                unnoticed.append(mutation.name)
    if unnoticed:
        sys.exit(f"error: Nothing notices {', '.join(unnoticed)}; the proof needs another test.")


if __name__ == "__main__":
    main()
