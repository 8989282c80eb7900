"""Breaks each promise of the arithmetic on purpose, in a copy of the sources; every break must be noticed.

    python tests/bits/mutants.py [--quick] [WORD ...]

Mutants of C are built with gcc and compared with digests.txt; those that only training from Python can show are built
into an extension in the copy and run through the tests they name.  --quick takes four of them; words choose mutants
whose reason holds one.  Exits with 1 where a mutant survives, or where its text is no longer in the sources.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import builds

import mlpc
from mlpc import _mlpc

PLAIN = builds.Build("gcc", "gcc", ("-O2",))
FUSING = builds.Build("gcc", "gcc", builds.FUSING)
KERNELS = {"reference", *(file.name.partition("_")[0] for file in builds.ROOT.glob("csrc/kernels/arch/*.c"))}


@dataclass(frozen=True)
class Mutant:
    """Replacements of texts that stand exactly once in the file; `why` says what no longer holds.

    `needs` is an instruction set that must run here, or an architecture; `tests`, where set, are pytest's arguments.
    """

    why: str
    file: str
    edits: tuple[tuple[str, str], ...]
    quick: bool = False
    needs: str = ""
    build: builds.Build = PLAIN
    tests: tuple[str, ...] = ()


def mutant(why, file, *edits, **more):
    return Mutant(why, file, tuple(zip(edits[::2], edits[1::2], strict=True)), **more)


TEMPLATES, CORE = "csrc/kernels/tmpl/", "csrc/core/"
BINDING, INFERENCE = "csrc/py/", ("tests/net/test_inference.py", "-k", "float32 or held or seen")
PREDICTOR = ("tests/net/test_predictor.py", "-k", "bits_are or not_finite or eight")
TOTAL = "vec total = v_add(starts ? v_set(0) : plain ? v_load(c_mj) : v_load_n(c_mj, tail), sum[m][j]);"

MUTANTS = [
    # Products
    mutant(
        "a block's sum replaces the total instead of being added",
        TEMPLATES + "tiles.inc",
        TOTAL,
        "vec total = sum[m][j];",
        quick=True,
    ),
    mutant(
        "a product of few terms is rounded before it is added",
        TEMPLATES + "tiles.inc",
        "sum[0][j] = v_fma(a_k, b[k][j], sum[0][j]);",
        "sum[0][j] = v_add(v_mul(a_k, b[k][j]), sum[0][j]);",
    ),
    mutant(
        "a product of few outputs, on the way back, is rounded before it is added",
        TEMPLATES + "backward_x.inc",
        "sum = v_fma(v_broadcast(dz + b * dz_row + c), square[c], sum);",
        "sum = v_add(v_mul(v_broadcast(dz + b * dz_row + c), square[c]), sum);",
    ),
    mutant(
        "a step of few outputs takes gradients that count as 0",
        TEMPLATES + "panel_gradients.inc",
        "v_fma(v_set(minus_lr), v_flush(v_load(dw + i)), v_load(w + i))",
        "v_fma(v_set(minus_lr), v_load(dw + i), v_load(w + i))",
        needs="avx2",
    ),
    mutant(
        "the first block's sum is the total: -0 can come out",
        TEMPLATES + "tiles.inc",
        TOTAL,
        "vec total = first ? sum[m][j] : v_add(plain ? v_load(c_mj) : v_load_n(c_mj, tail), sum[m][j]);",
    ),
    mutant(
        "the sum starts at the bias",
        TEMPLATES + "tiles.inc",
        "sum[m][j] = v_set(0);",
        "sum[m][j] = bias ? v_load_n(bias + j * VL, j + 1 < vectors ? VL : tail) : v_set(0);",
        "total = v_add(total, bias_j);",
        ";",
    ),
    mutant(
        "the first block's sum is the total, row by row",
        TEMPLATES + "skip.inc",
        "vec total = v_add(job->first ? v_set(0) : whole ? v_load(z_j) : v_load_n(z_j, job->tail), sum[j]);",
        "vec total = job->first ? sum[j] : v_add(whole ? v_load(z_j) : v_load_n(z_j, job->tail), sum[j]);",
    ),
    mutant(
        "runs of 64 inputs are blocks of their own",
        TEMPLATES + "skip.inc",
        ".begins = k % MLPC_BLOCK == 0,",
        ".begins = 1,",
        ".ends = (k + step) % MLPC_BLOCK == 0 || left <= step,",
        ".ends = 1,",
        ".first = k < MLPC_BLOCK,",
        ".first = k == 0,",
    ),
    mutant(
        "NaN is skipped like 0",
        TEMPLATES + "skip.inc",
        "m_bits(m_not(v_eq(v_load(x + i), zero)))",
        "m_bits(m_or(v_lt(v_load(x + i), zero), v_lt(zero, v_load(x + i))))",
    ),
    mutant("blocks of 128", "csrc/kernels/kernels.h", "#define MLPC_BLOCK 256", "#define MLPC_BLOCK 128"),
    mutant(
        "blocks of 32 samples",
        "csrc/kernels/kernels.h",
        "#define MLPC_BATCH_BLOCK 64",
        "#define MLPC_BATCH_BLOCK 32",
    ),
    mutant(
        "a product rounded before it is added",
        "csrc/kernels/vec/vec_portable.h",
        "{ return mlpc_fma(a, b, c); }",
        "{ return v_add(v_mul(a, b), c); }",
    ),
    mutant(
        "a compiler may fuse a product and a sum",
        "csrc/kernels/vec/vec_portable.h",
        "MLPC_NO_CONTRACT(product);",
        "",
        build=FUSING,
    ),
    # Other reductions
    mutant("8 partial sums", "csrc/kernels/ref/sum16.inc", "part[j % 16]", "part[j % 8]", quick=True),
    mutant("chunks of 8192", TEMPLATES + "sum16.inc", "#define SUM_CHUNK 4096", "#define SUM_CHUNK 8192"),
    mutant(
        "squares of differences from a mean are fused into their sum",
        TEMPLATES + "norms.inc",
        "MLPC_NO_CONTRACT_ARRAY(*(double(*)[SUM_LANES])square);",
        "",
        build=FUSING,
    ),
    mutant(
        "tiny derivatives of layer norm stay",
        TEMPLATES + "norms.inc",
        "v_store(g + i, v_flush(v_mul(row->r, d)));",
        "v_store(g + i, v_mul(row->r, d));",
    ),
    mutant("a running variance divides by n", TEMPLATES + "norm_features.inc", "squares / (B - 1)", "squares / B"),
    # Elementary operations
    mutant(
        "relu as a maximum: NaN becomes 0",
        TEMPLATES + "activations.inc",
        "v_clear(v_le(z, v_set(0)), x)",
        "v_select(v_lt(v_set(0), z), x, v_set(0))",
    ),
    mutant(
        "relu keeps -0",
        TEMPLATES + "activations.inc",
        "v_clear(v_le(z, v_set(0)), x)",
        "v_clear(v_lt(z, v_set(0)), x)",
    ),
    mutant(
        "exp reduces its argument towards 0",
        TEMPLATES + "elementary.inc",
        "v_rint(v_mul(x, v_set((real)1.44269504088896340736)))",
        "v_rint(v_sub(v_mul(x, v_set((real)1.44269504088896340736)), v_copysign(v_set((real)0.4999), x)))",
    ),
    mutant(
        "an estimate of a reciprocal",
        "csrc/kernels/vec/vec_avx512.h",
        "{ return V(div)(a, b); }",
        "{ return V(mul)(a, V(rcp14)(b)); }",
        needs="avx512",
    ),
    mutant(
        "rounding to integers downwards",
        "csrc/kernels/vec/vec_avx2.h",
        "_MM_FROUND_TO_NEAREST_INT |",
        "_MM_FROUND_TO_NEG_INF |",
        needs="avx2",
    ),
    # The floating-point mode
    mutant(
        "subnormal numbers flushed to 0", CORE + "fpmode.h", "_mm_setcsr(0x1F80)", "_mm_setcsr(0x9FC0)", needs="x86_64"
    ),
    mutant("the caller's mode is kept", CORE + "fpmode.h", "_mm_setcsr(0x1F80)", "_mm_setcsr(saved)", needs="x86_64"),
    mutant("the caller's mode is lost", CORE + "fpmode.h", "_mm_setcsr(saved)", "(void)saved", needs="x86_64"),
    # Input
    mutant(
        "the scale of bytes is not rounded before the product",
        TEMPLATES + "input.inc",
        "(real)x[i] * factor",
        "(real)(x[i] * scale)",
    ),
    # Losses and optimizers
    mutant("no mean over the columns", CORE + "loss.c", "total * (double)targets->O", "total"),
    mutant(
        "a reciprocal instead of the division by the divisor",
        TEMPLATES + "rows.inc",
        "(real)(job->sample_weight[r + b] / job->divisor)",
        "(real)(job->sample_weight[r + b] * (1 / job->divisor))",
    ),
    mutant(
        "Nesterov's momentum times the gradient, not the velocity",
        TEMPLATES + "step_rules.inc",
        "v_fma(s->own[0], state[0], d) : state[0]",
        "v_fma(s->own[0], d, state[0]) : state[0]",
    ),
    mutant(
        "velocities decay into subnormal numbers",
        TEMPLATES + "step_rules.inc",
        "v_flush(v_fma(s->own[0], state[0], d));",
        "v_fma(s->own[0], state[0], d);",
    ),
    mutant(
        "an epoch takes subnormal gradients",
        TEMPLATES + "lists.inc",
        "v_fma(minus_lr, v_flush(total), before)",
        "v_fma(minus_lr, total, before)",
    ),
    mutant(
        "activations hand subnormal derivatives on",
        TEMPLATES + "activations.inc",
        "v_flush(set_d_##name(v_load(da + i), v_load(z + i), v_load(a + i), s))",
        "set_d_##name(v_load(da + i), v_load(z + i), v_load(a + i), s)",
    ),
    mutant(
        "an identity behind the first layer is z, which the next batch's product writes while others read it",
        "csrc/core/fused_memory.c",
        "l > 0 && mlpc_block_is_identity",
        "mlpc_block_is_identity",
    ),
    mutant(
        "an identity hands subnormal derivatives on",
        "csrc/core/block.c",
        "    kernels->activation_backward[",
        "    if (!mlpc_block_is_identity(block))\n        kernels->activation_backward[",
        tests=("tests/bits/test_rules.py", "-k", "between_layers"),
    ),
    mutant(
        "Adam's mean square of the last gradient times its weight, rounded twice",
        TEMPLATES + "step_rules.inc",
        "v_fma(v_mul(s->rest[1], d), d, v_mul(s->own[1], state[1]))",
        "v_add(v_mul(v_mul(s->rest[1], d), d), v_mul(s->own[1], state[1]))",
    ),
    mutant(
        "Adam's bias correction of the step before", CORE + "step.c", "*optimizer->steps += 1", "(*optimizer->steps)++"
    ),
    # Everything else that feeds training
    mutant("nine rounds of Philox", TEMPLATES + "philox.inc", "round < 10", "round < 9"),
    mutant(
        "shuffles that leave no row in its place",
        CORE + "rng.c",
        "bounded(i, seed, epoch, &counter)",
        "bounded(i - 1, seed, epoch, &counter)",
        quick=True,
    ),
    mutant("initial values rounded twice", CORE + "init.c", "return s->scale * (2", "return (float)s->scale * (2"),
    mutant(
        "powers by repeated multiplication",
        CORE + "schedules.c",
        "for (; n; n >>= 1) {\n        if (n & 1)\n            product *= base;\n        base *= base;\n    }",
        "for (; n; n--)\n        product *= base;",
    ),
    mutant("the learning rate of the beginning of a step", CORE + "schedules.c", "(double)k + 0.5", "(double)k"),
    # Lists and threads
    mutant(
        "the last 64 samples replace those before",
        TEMPLATES + "lists.inc",
        "total = v_add(b0 ? before : v_set(0), sum[j]);",
        "total = v_add(v_set(0), sum[j]);",
    ),
    mutant(
        "a gradient over a list begins with its first sum, which may be -0",
        TEMPLATES + "lists.inc",
        "total = v_add(b0 ? before : v_set(0), sum[j]);",
        "total = b0 ? v_add(before, sum[j]) : sum[j];",
        tests=("tests/bits/test_training_paths.py", "-k", "underflows"),
    ),
    mutant(
        "each thread stores what it finds finite",
        CORE + "fused.c",
        "(r->status == MLPC_OK && !diverges(r, view->size))",
        "(r->status == MLPC_OK && !*diverged)",
        tests=("tests/bits/test_training_paths.py", "-k", "overflows_anywhere"),
    ),
    mutant(
        "what was not finite stays in the padding",
        CORE + "fused.c",
        "mlpc_fused_clear(f, job->model.kernels->itemsize);",
        ";",
        tests=("tests/bits/test_training_paths.py", "-k", "trains_again"),
    ),
    mutant(
        "a block of inputs replaces those before",
        TEMPLATES + "lists.inc",
        "vec total = v_add(first ? v_set(0) : v_load(z + j * VL), sum[j]);",
        "vec total = v_add(v_set(0), sum[j]);",
    ),
    mutant(
        "NaN in the input is skipped like zero",
        TEMPLATES + "skip.inc",
        "m_bits(m_not(v_eq(v_load_n(x + i, n - i < VL ? n - i : VL), zero)))",
        "m_bits(m_or(v_lt(v_load_n(x + i, n - i < VL ? n - i : VL), zero), "
        "v_lt(zero, v_load_n(x + i, n - i < VL ? n - i : VL))))",
    ),
    mutant(
        "threads share out sums over samples",
        CORE + "fused_units.c",
        "u.dz_row, u.B, width);",
        "u.dz_row, s->size > 1 ? u.B / 2 : u.B, width);",
        tests=("tests/bits/test_training_paths.py", "-k", "threads"),
    ),
    mutant(
        "threads copy dz to one and the same memory",
        CORE + "fused_update.c",
        "dz = (rows){mlpc_fused_at(r, own->dz,",
        "dz = (rows){mlpc_fused_at(r, r->f->ranks[0].dz,",
        tests=("tests/bits/test_training_paths.py", "-k", "large_batches"),
    ),
    mutant(
        "columns of the first batch",
        CORE + "fused_units.c",
        "fills ? &f->ranks[s->rank].columns : NULL",
        "fills && k == 0 ? &f->ranks[s->rank].columns : NULL",
    ),
    mutant(
        "a thread's rows are numbered by themselves in masks",
        CORE + "fused_rows.c",
        ".first = of->first,",
        ".first = 0,",
        tests=("tests/bits/test_training_paths.py", "-k", "number_of_threads"),
    ),
    mutant(
        "where few rows are shared out by units, a thread's inputs get the gradients of the first ones",
        CORE + "fused_products.c",
        "i, inputs, r->f",
        "0, inputs, r->f",
        tests=("tests/bits/test_few_rows.py", "-k", "loop"),
    ),
    mutant(
        "the masks of an epoch are those of its first batch",
        CORE + "fused_run.h",
        "r->job->epoch.draw.t + k",
        "r->job->epoch.draw.t + 0 * k",
    ),
    mutant(
        "codes of dropped lists mean what they mean without dropout",
        CORE + "fused_input.c",
        "f->table = f->scaled;",
        "",
        tests=("tests/bits/test_training_paths.py", "-k", "dropout_of_bytes"),
    ),
    mutant(
        "a gain has the factors of a bias",
        CORE + "fused_units.c",
        "mlpc_step_of_tensor(plan, tensor + 2)",
        "mlpc_step_of_tensor(plan, tensor + 1)",
        tests=("tests/bits/test_training_paths.py", "-k", "every_optimizer and factors"),
    ),
    mutant(
        "running statistics count a batch that the caller ended",
        CORE + "fused.c",
        "r.status == MLPC_OK ? f->statistics : f->statistics_before",
        "f->statistics",
    ),
    # Passes on several threads
    mutant(
        "a thread's last inputs get no gradient",
        CORE + "team.c",
        "*to = end < n ? end : n;",
        "*to = end < n ? end - (end > first) : n;",
        tests=("tests/bits/test_pass_threads.py", "-k", "gradients"),
    ),
    mutant(
        "threads work in one and the same rows of the workspace",
        CORE + "forward.c",
        "job->keeps ? first : rank * shared->share.at_once",
        "job->keeps ? first : 0",
        tests=("tests/bits/test_pass_threads.py", "-k", "answers or evaluations"),
    ),
    mutant(
        "no barrier behind a layer",
        CORE + "backward.c",
        "        mlpc_team_barrier(team);\n",
        "        (void)team;\n",
        tests=("tests/bits/test_thread_sanitizer.py",),
    ),
    mutant(
        "threads convert bytes in one and the same memory",
        CORE + "forward.c",
        "p->rank * step * I",
        "0 * p->workspace->input_rows * I",
        tests=("tests/bits/test_thread_sanitizer.py",),
    ),
    # Predictors
    mutant(
        "a predictor skips zeros though the weight is not finite",
        CORE + "predictor.c",
        ".finite = predictor->finite ? MLPC_FINITE : MLPC_NOT_FINITE,",
        ".finite = MLPC_FINITE,",
        tests=PREDICTOR,
    ),
    mutant(
        "the last layer's rows of panels are taken for its own",
        CORE + "forward.c",
        "mlpc_pass_at(p, from, b * r->row), O *",
        "mlpc_pass_at(p, from, b * O), O *",
        tests=PREDICTOR,
    ),
    mutant(
        "calls of one predictor share memory",
        BINDING + "bind_predictor.c",
        "self->idle = taken->next;",
        "(void)taken->next;",
        tests=PREDICTOR,
    ),
    # What the digests do not see
    mutant(
        "zeros are skipped though the weight is not finite",
        CORE + "forward.c",
        "    return r->finite == MLPC_FINITE;\n}",
        "    return 1;\n}",
        tests=INFERENCE,
    ),
    mutant(
        "an array that a caller makes into another is the network's own",
        BINDING + "bind_net_views.c",
        "return (PyObject *)net_view(net, 1, PyArray_DIMS(of), NULL, PyArray_DATA(of), NPY_ARRAY_CARRAY, "
        "PyArray_BASE(of));",
        "return (void)net, Py_NewRef((PyObject *)of);",
        tests=("tests/boundary/test_reshaped.py", "-k", "made_into_another"),
    ),
    mutant(
        "shapes are the caller's to change",
        BINDING + "args_arrays.c",
        "Py_SETREF(array, (PyArrayObject *)PyArray_View(array, NULL, &PyArray_Type));",
        "(void)array;",
        tests=("tests/boundary/test_reshaped.py", "-k", "reshape or ops"),
    ),
    mutant(
        "rows of probabilities may sum to anything",
        CORE + "loss.c",
        "fabs(sum - 1) <= MLPC_SUM_TOLERANCE",
        "sum >= 0",
        tests=("tests/boundary/test_targets.py",),
    ),
    mutant(
        "batches are judged by the last one's divisor",
        CORE + "fused.c",
        "const double divisor = r->f->divisor[k];",
        "const double divisor = r->f->divisor[r->batches - 1];",
        tests=("tests/bits/test_training_paths.py", "-k", "judged"),
    ),
    mutant(
        "divergence leaves the diverged parameters",
        CORE + "plain_epoch.c",
        "memcpy(j->of->model.parameters, j->plain->parameters, bytes);",
        "",
        tests=("tests/bits/test_training_paths.py", "-k", "divergence"),
    ),
    mutant(
        "divergence leaves the number of steps",
        CORE + "plain_epoch.c",
        "*optimizer->steps = j->plain->steps;",
        ";",
        tests=("tests/bits/test_training_paths.py", "-k", "divergence"),
    ),
    mutant(
        "every fit begins with the same shuffle",
        "mlpc/run.py",
        "net._shuffles = self._shuffles = seed, number + 1",
        "self._shuffles = seed, number + 1",
        tests=("tests/net/test_fit.py", "-k", "shuffles or five_epochs"),
    ),
    mutant(
        "every epoch draws the same masks",
        "mlpc/run.py",
        "number + 1\n        net._draws = self._draws = draws",
        "number + 1\n        net._draws = self._draws",
        tests=("tests/net/test_dropout.py", "-k", "fit_is_the_loop and 64"),
    ),
    mutant(
        "what is resumed draws the first masks again",
        "mlpc/run.py",
        "self._shuffles = shuffles\n        self.net._draws = self._draws = draws",
        "self._shuffles = shuffles",
        tests=("tests/bits/test_everything.py", "-k", "goes_on"),
    ),
    mutant(
        "an interrupt forgets how many batches the statistics have seen",
        CORE + "fused.c",
        "r.status == MLPC_ERROR_INTERRUPTED ? r.batch : 0",
        "0",
        tests=("tests/net/test_norm_interrupts.py", "-k", "whole_batches"),
    ),
    mutant(
        "the plain path has an eps of its own",
        CORE + "norm.c",
        ".eps = layer->block.eps,",
        ".eps = MLPC_NORM_EPS,",
        tests=("tests/net/test_norm_settings.py", "-k", "loop and avx2"),
        needs="avx2",
    ),
    mutant(
        "backward draws another mask than forward",
        CORE + "backward.c",
        ".first = b,",
        ".first = b + 1,",
        tests=("tests/net/test_dropout.py", "-k", "hand_written or differences"),
    ),
    mutant(
        "a mask depends on where a vector begins",
        TEMPLATES + "dropout.inc",
        "w_count((uint32_t)(j / 4 + lane))",
        "w_count((uint32_t)(j / 4))",
        needs="avx2",
    ),
    mutant(
        "the optimizer's clock stands still",
        "mlpc/run.py",
        "optimizer.epochs += 1",
        "pass",
        tests=("tests/net/test_fit.py", "-k", "loop or five_epochs"),
        quick=True,
    ),
]


def edited(text, edits, file):
    for old, new in edits:
        if text.count(old) != 1:
            raise LookupError(f"{file} holds {text.count(old)} times, not once: {old}")
        text = text.replace(old, new)
    return text


class Tree:
    """A copy of the sources, in which texts can be replaced for a while."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "tree"
        left_out = shutil.ignore_patterns(".*", "build", "__pycache__", "*.so", "notebooks", "bench", "docs")
        shutil.copytree(builds.ROOT, self.root, ignore=left_out)
        self.folder = folder
        self.objects: dict[builds.Build, dict[str, Path]] = {}

    def mutated(self, edits, file):
        original = (self.root / file).read_text()
        (self.root / file).write_text(edited(original, edits, file))
        return original

    def baseline(self, build):
        """Objects of the sources as they are, by file."""
        if build not in self.objects:
            folder = self.folder / f"objects-{len(self.objects)}"
            folder.mkdir()
            files = [*builds.sources(self.root), *builds.digest_sources(self.root)]
            made = builds.compile_all(build, files, folder, self.root)
            self.objects[build] = dict(zip(files, made, strict=True))
        return self.objects[build]

    def gives_digests(self, build, changed=None):
        """Whether the program prints what it must, when all that includes the changed file is compiled again.

        Instruction sets take turns, the fastest first, up to one whose digests differ: only its kernels are compiled.
        """
        objects = dict(self.baseline(build))
        left = [file for file, made in objects.items() if changed in included(made)]
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            for isa in reversed(mlpc.cpu.available()):
                others = KERNELS - {isa}
                again = [file for file in left if Path(file).stem.partition("_f")[0] not in others]
                objects.update(zip(again, builds.compile_all(build, again, Path(folder), self.root), strict=True))
                left = [file for file in left if file not in again]
                if self._run(build, objects, isa) != builds.expected_digests():
                    return False
        return True

    def _run(self, build, objects, isa):
        program = builds.link(build, list(objects.values()), self.folder / "digest")
        try:
            return builds.run_digest(build, program, isa)[isa]
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            return f"{error}\n"  # a program that fails has noticed

    def pytest(self, arguments, changed=None):
        """True where the tests pass: with the extension that is here, or built from the copy where C is changed."""
        environment = os.environ | {"CFLAGS": "-O1", "PYTHONDONTWRITEBYTECODE": "1"}
        commands = [[sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *arguments]]
        if changed is None or changed.endswith(".py"):
            shutil.copy2(_mlpc.__file__, self.root / "mlpc")
        else:
            commands.insert(0, [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"])
        for command in commands:
            done = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, timeout=600)
            if done.returncode not in (0, 1) or (done.returncode and "setup.py" in command):
                raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.returncode == 0


def included(made: Path) -> set[str]:
    """The files that an object was made from, relative to the root."""
    rule = made.with_suffix(".d").read_text().replace("\\\n", " ")
    return {os.path.normpath(file) for file in rule.split(":", 1)[1].split()}


def survives(tree: Tree, one: Mutant) -> bool:
    original = tree.mutated(one.edits, one.file)
    try:
        if one.tests:
            return tree.pytest(one.tests, one.file)
        return tree.gives_digests(one.build, one.file)
    finally:
        (tree.root / one.file).write_text(original)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four of them")
    parser.add_argument("words", nargs="*", metavar="WORD")
    wanted = parser.parse_args()
    chosen = [one for one in MUTANTS if one.quick or not wanted.quick]
    chosen = [one for one in chosen if not wanted.words or any(word in one.why for word in wanted.words)]

    for one in MUTANTS:  # those that are not chosen, too: else nobody notices that a text has gone
        edited((builds.ROOT / one.file).read_text(), one.edits, one.file)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="mlpc-mutants-") as folder:
        tree = Tree(Path(folder))
        here = {platform.machine(), *mlpc.cpu.available()}
        for build in dict.fromkeys(one.build for one in chosen if not one.tests):
            if not tree.gives_digests(build):
                sys.exit(f"without any mutation, {build} does not give digests.txt")
        for tests in dict.fromkeys(one.tests for one in chosen if one.tests):
            if not tree.pytest(tests):
                sys.exit(f"without any mutation, pytest {' '.join(tests)} fails")

        for one in chosen:
            start = time.perf_counter()
            if one.needs and one.needs not in here:
                verdict = f"skipped, no {one.needs} here"
            else:
                try:
                    verdict = "SURVIVES" if survives(tree, one) else "noticed"
                except (LookupError, RuntimeError) as error:
                    verdict = f"BROKEN: {error}"
            failed += verdict.startswith(("SURVIVES", "BROKEN"))
            print(f"{time.perf_counter() - start:5.1f} s  {one.why}: {verdict}", flush=True)
    print(f"{len(chosen)} mutants, {failed} not noticed")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
