"""Mr. TyDi: questions on Wikipedia in 11 languages, each with the passages of its own language."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hbench_plugins.datasets.irds import IRDatasets, chosen
from hbench_plugins.datasets.irds import ir_datasets as of_ir_datasets

# Of each split and language: queries, judgements; all of them positive.
# Source: the metadata of ir_datasets 0.6.3.
COUNTS: Mapping[str, Mapping[str, tuple[int, int]]] = {
    "train": {
        "ar": (12377, 12377), "bn": (1713, 1719), "en": (3547, 3547), "fi": (6561, 6561),
        "id": (4902, 4902), "ja": (3697, 3697), "ko": (1295, 1317), "ru": (5366, 5366),
        "sw": (2072, 2401), "te": (3880, 3880), "th": (3319, 3360),
    },
    "dev": {
        "ar": (3115, 3115), "bn": (440, 443), "en": (878, 878), "fi": (1738, 1738),
        "id": (1224, 1224), "ja": (928, 928), "ko": (303, 307), "ru": (1375, 1375),
        "sw": (526, 623), "te": (983, 983), "th": (807, 817),
    },
    "test": {
        "ar": (1081, 1257), "bn": (111, 130), "en": (744, 935), "fi": (1254, 1451),
        "id": (829, 961), "ja": (720, 923), "ko": (421, 492), "ru": (995, 1168), "sw": (670, 743),
        "te": (646, 677), "th": (1190, 1368),
    },
}  # fmt: skip
PASSAGES: Mapping[str, int] = {
    "ar": 2_106_586, "bn": 304_059, "en": 32_907_100, "fi": 1_908_757, "id": 1_469_399,
    "ja": 7_000_027, "ko": 1_496_126, "ru": 9_597_504, "sw": 136_689, "te": 548_224, "th": 568_855,
}  # fmt: skip


def mr_tydi(
    split: Literal["train", "dev", "test"] = "test", languages: tuple[str, ...] | None = None
) -> IRDatasets:
    """Mr. TyDi v1.0 (arXiv 2108.08787): TyDi QA's questions, over whole Wikipedias.

    A passage is its title and text, as the files join them. Only few passages are judged, all of
    them positive, so that many relevant ones count as misses. Items are questions of one language.
    Licence: Apache-2.0.

    Args:
        split: which questions.
        languages: some of ar bn en fi id ja ko ru sw te th; not given: all.
    """
    tags = chosen(languages, COUNTS[split])
    known = {
        tag: {"queries": queries, "passages": PASSAGES[tag], "relevant": judgements}
        for tag, (queries, judgements) in COUNTS[split].items()
        if tag in tags
    }
    dataset = of_ir_datasets(f"mr-tydi/{{lang}}/{split}", tags)
    return replace(dataset, licence="Apache-2.0", known=known)
