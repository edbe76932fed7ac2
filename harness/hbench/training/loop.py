"""The training loop: step by step, with a log, checkpoints, and an eye on validation data.

Nothing in a step waits for the device: losses are added up there and read at the points of the log.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from hbench.errors import TrainingError
from hbench.protocols import Batches
from hbench.records import Int32Array
from hbench.training.batches import Batch, BatchMaker
from hbench.training.checkpoint import Checkpoints, restore, state_of
from hbench.training.gradients import Gradients
from hbench.training.recipe import Recipe, optimizer, share_of_rate
from hbench.training.speed import Speedometer

if TYPE_CHECKING:
    import torch

POINTS, FEWEST = 100, 100  # points of the loss curve; but never more than 100 steps between two
SAMPLE = 64  # texts by which the arithmetic of a token is counted
Progress = Callable[[float, str], None]
Track = Callable[[Mapping[str, float], int], None]


@dataclass
class Course:
    """How far training has come; with weights and optimiser, all that a checkpoint holds.

    Args:
        step: steps done.
        log: the points of the loss curve, and the looks at validation data.
        best: the lowest validation loss.
        best_step: the steps after which it was found.
        looks: looks since then.
        total: the sum of the losses since the last point of the log.
        count: how many these are.
    """

    step: int = 0
    log: list[dict[str, float]] = field(default_factory=list)
    best: float = math.inf
    best_step: int = 0
    looks: int = 0
    total: float = 0.0
    count: int = 0


class Loop:
    """The training loop of one system.

    Args:
        gradients: computes losses and gradients.
        recipe: how to train.
        batches: which rows meet.
        maker: what they stand for.
        validation: batches of the validation data; none trains to the last step.
        seed: of the dropout.
    """

    def __init__(
        self,
        gradients: Gradients,
        recipe: Recipe,
        batches: Batches,
        maker: BatchMaker,
        validation: Sequence[Batch],
        seed: int,
    ) -> None:
        import torch

        self.gradients = gradients
        self.recipe = recipe
        self.batches = batches
        self.maker = maker
        self.validation = validation
        self.seed = seed
        self.device = torch.device(gradients.device)
        weights = {str(n): p for n, p in enumerate(gradients.model.parameters()) if p.requires_grad}
        self.parameters = {**weights, **gradients.learned}
        self.optimizer = optimizer(list(self.parameters.values()), recipe)
        self.best: dict[str, torch.Tensor] = {}
        self.course = Course()
        self.rows: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self._total: torch.Tensor
        self._bad_step: torch.Tensor
        self._forget_losses()

    def run(self, progress: Progress, track: Track, checkpoints: Checkpoints | None) -> None:
        """All steps that are left; ends with the best weights if there is validation data.

        Raises:
            TrainingError: a loss or gradient is not finite.
            MemoryShortage: not even one text at a time fits into memory.
        """
        found = checkpoints.newest() if checkpoints else None
        if found is not None:
            self._restore(*found)
        recipe, model, course = self.recipe, self.gradients.model, self.course
        every = max(1, min(FEWEST, recipe.steps // POINTS))
        self.started, self.first = perf_counter(), course.step
        self.meter = self._speedometer()
        model.train(True)
        while course.step < recipe.steps and not self._is_patient_no_more():
            self._step(course.step)
            course.step += 1
            is_last = course.step == recipe.steps
            if course.step % every == 0 or is_last:
                self._log(track)
            if self.validation and (course.step % recipe.every == 0 or is_last):
                self._read_losses()
                self._look_at_validation(track)
            progress(course.step / recipe.steps, self._note())
            if checkpoints and checkpoints.is_due and self.gradients.processes.is_first:
                self._read_losses()
                checkpoints.save(course.step, self._state(), self._facts())
        if course.count:  # patience ended it between two points
            self._log(track)
        if self.best:
            self._use_best()

    def _speedometer(self) -> Speedometer:
        gradients = self.gradients
        texts = self.maker.make(self.batches.batch(self.course.step), self.course.step).tokens
        count = gradients.processes.count
        sample = texts[:: max(1, len(texts) // SAMPLE)]
        return Speedometer(gradients.model, sample, gradients.precision, self.device, count)

    def _rate(self, step: int) -> float:
        return self.recipe.learning_rate * share_of_rate(step, self.recipe)

    def _step(self, step: int) -> None:
        """One step of the optimiser."""
        import torch

        # A step's dropout follows from seed, step and process alone, as its batch does.
        state = np.random.SeedSequence([self.seed, step, self.gradients.processes.rank])
        torch.manual_seed(int(state.generate_state(1, np.uint64)[0]))
        rows = self.batches.batch(step)
        self._count(rows)
        batch = self.maker.make(rows, step)
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        self.gradients.clear()
        loss = self.gradients.add(batch)
        norm = torch.nn.utils.clip_grad_norm_(list(self.parameters.values()), self.recipe.clip)
        self.optimizer.step()
        is_bad = ~torch.isfinite(loss + norm) & (self._bad_step < 0)
        self._bad_step = torch.where(is_bad, step, self._bad_step)
        self._total += loss
        self.course.count += 1
        self.meter.tokens += int(batch.lengths.sum())

    def _log(self, track: Track) -> None:
        """Add a point to the loss curve."""
        self._read_losses()
        course = self.course
        rate = self._rate(course.step - 1)
        point = {"step": course.step, "loss": course.total / course.count, "learning_rate": rate}
        learned = {name: float(p.detach()) for name, p in self.gradients.learned.items()}
        course.log.append({**point, **learned, **self.meter.rates()})
        course.total, course.count = 0.0, 0
        track({**course.log[-1], "memory": float(self.meter.memory())}, course.step)
        self.meter.restart()

    def _read_losses(self) -> None:
        """Wait for the device, and take over the losses that it has added up.

        Raises:
            TrainingError: one of them, or a gradient, is not finite.
        """
        bad = int(self._bad_step)
        if bad >= 0:
            rows = self.batches.batch(bad)
            names = self.maker.items.languages
            some = ", ".join(f"{item} {names[q]}-{names[p]}" for item, q, p in rows[:3].tolist())
            raise TrainingError(
                f"the loss or its gradient is no number at step {bad} (seed {self.seed}, "
                f"{len(rows)} rows, the first are items {some}); lower learning_rate, or raise the "
                "objective's temperature"
            )
        self.course.total += float(self._total)
        self._forget_losses()

    def _forget_losses(self) -> None:
        import torch

        self._total = torch.zeros((), device=self.device)
        self._bad_step = torch.full((), -1, device=self.device)

    def _look_at_validation(self, track: Track) -> None:
        """Keep the weights if the validation loss is the lowest so far."""
        import torch

        gradients, course = self.gradients, self.course
        gradients.model.train(False)
        total, rows = 0.0, 0
        with torch.no_grad():
            for batch in self.validation:
                total += float(gradients.evaluate(batch)) * len(batch.rows)
                rows += len(batch.rows)
        gradients.model.train(True)
        if not math.isfinite(total):
            raise TrainingError(
                f"the validation loss is no number after {course.step} steps (seed {self.seed}); "
                "lower learning_rate"
            )
        course.log.append({"step": course.step, "validation_loss": total / rows})
        track({"validation_loss": total / rows}, course.step)
        course.looks += 1
        if total / rows < course.best:
            course.best, course.best_step, course.looks = total / rows, course.step, 0
            self.best = {n: p.detach().to("cpu", copy=True) for n, p in self.parameters.items()}
        self.meter.restart()

    def _is_patient_no_more(self) -> bool:
        return self.recipe.patience is not None and self.course.looks >= self.recipe.patience

    def _use_best(self) -> None:
        import torch

        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(self.best[name])

    @property
    def drawn(self) -> dict[str, dict[str, int]]:
        """Batches and rows by query and passage language, as in ``de-en``."""
        return {
            "batches": dict(sorted(self.kinds.items())),
            "rows": dict(sorted(self.rows.items())),
        }

    @property
    def _names(self) -> Sequence[str]:
        return self.maker.items.languages

    def _note(self) -> str:
        """What a progress bar shows."""
        points = [entry for entry in self.course.log if "loss" in entry]
        if not points:
            return ""
        last, best = points[-1], f", best {self.course.best:.3f}" if self.best else ""
        return (
            f"loss {last['loss']:.3f}{best}, rate {last['learning_rate']:.1e}, "
            f"{last['tokens_per_second']:,.0f} tokens/s "
            f"({last['share_of_peak']:.0%} of peak), {self.meter.memory() / 2**30:.1f} GiB"
        )

    def _count(self, rows: Int32Array) -> None:
        """Count rows by their pair of languages, and batches by theirs, or by what they mix."""
        languages = len(self._names)
        pairs, counts = np.unique(rows[:, 1] * languages + rows[:, 2], return_counts=True)
        queries, passages = np.divmod(pairs, languages)
        names = [
            f"{self._names[q]}-{self._names[p]}" for q, p in zip(queries, passages, strict=True)
        ]
        self.rows.update(dict(zip(names, counts.tolist(), strict=True)))
        same = queries == passages
        mixture = "same-language" if same.all() else "mixed" if same.any() else "cross-language"
        self.kinds[names[0] if len(names) == 1 else f"several {mixture} pairs"] += 1

    def _state(self) -> "dict[str, torch.Tensor]":
        best = {f"best.{name}": tensor for name, tensor in self.best.items()}
        return state_of(self.parameters, self.optimizer) | best

    def _facts(self) -> dict[str, Any]:
        course = {**asdict(self.course), "best": self.course.best if self.best else None}
        budget = self.gradients.budget
        return {"course": course, "drawn": self.drawn, "budget": [budget.tokens, budget.notes]}

    def _restore(self, state: "Mapping[str, torch.Tensor]", facts: Mapping[str, Any]) -> None:
        restore(state, self.parameters, self.optimizer)
        self.best = {n.removeprefix("best."): t for n, t in state.items() if n.startswith("best.")}
        best = facts["course"]["best"]
        self.course = Course(**{**facts["course"], "best": math.inf if best is None else best})
        self.gradients.budget.tokens, self.gradients.budget.notes = facts["budget"]
        self.rows, self.kinds = (Counter(facts["drawn"][name]) for name in ("rows", "batches"))
