"""What a benchmark will be able to tell: the half-widths to expect, for `hbench plan`."""

from typing import TYPE_CHECKING

from hbench.design import SEED_SDS, half_width

if TYPE_CHECKING:
    from hbench.plan import Plan
    from hbench.planner import BenchmarkPlan
    from hbench.store import Store

SUPPOSED = (1190, 48)  # XQuAD-R's items and clusters, where those of the data are not known yet


def expectations(plan: "Plan", store: "Store") -> list[str]:
    """Lines about each evaluation of each benchmark that compares trained methods."""
    lines = []
    for part in plan.benchmarks:
        if not part.benchmark.trains or len(part.methods) < 2:
            continue
        seeds = len(part.benchmark.seeds)
        if seeds == 1:
            lines.append(
                f"{part.name}: with one seed trained models can be compared, methods cannot; "
                "give 3 seeds or more"
            )
            continue
        for evaluation in part.scores:
            lines += _of_evaluation(part, evaluation, seeds, store)
    return lines


def _of_evaluation(part: "BenchmarkPlan", evaluation: str, seeds: int, store: "Store") -> list[str]:
    from hbench.manifests import read_manifest

    job = next(job for by_seed in part.scores[evaluation].values() for job in by_seed.values())
    facts = read_manifest(job.rank.vectors.data.folder(store)).get("detail")
    items, clusters = (facts["items"], facts["clusters"]) if facts else SUPPOSED
    if clusters < 2:
        return []
    known = f"{items:,} items in {clusters:,} clusters"
    widths = [half_width(items, clusters, seeds, sd) for sd in SEED_SDS]
    lines = [
        f"{part.name}: {evaluation}: a difference in average precision will be known to about "
        + ", ".join(f"±{width:.3f}" for width in widths)
        + f" for a seed sd of {', '.join(f'{sd:g}' for sd in SEED_SDS)} "
        f"({seeds} seeds, {known if facts else f'supposing {known}: its own are not here yet'})"
    ]
    for claim in part.benchmark.claims:
        margin = claim.margin or 0.0
        if claim.equal_to and claim.dataset in (None, evaluation) and margin < widths[0]:
            lines.append(
                f"{part.name}: {claim.says!r} cannot be supported on {evaluation}: its margin, "
                f"{margin:g}, is narrower than that"
            )
    return lines
