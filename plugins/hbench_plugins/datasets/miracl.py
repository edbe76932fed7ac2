"""MIRACL: questions on Wikipedia in 18 languages, each with the passages of its own language."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from hbench_plugins.datasets.irds import IRDatasets, chosen
from hbench_plugins.datasets.irds import ir_datasets as of_ir_datasets

# Of each split and language: queries, judgements, positive judgements.
# Sources: the topics and judgements of MIRACL v1.0, and the metadata of ir_datasets 0.6.3.
COUNTS: Mapping[str, Mapping[str, tuple[int, int, int]]] = {
    "dev": {
        "ar": (2896, 29197, 5658), "bn": (411, 4206, 863), "de": (305, 3144, 811),
        "en": (799, 8350, 2326), "es": (648, 6443, 2987), "fa": (632, 6571, 1314),
        "fi": (1271, 12008, 2447), "fr": (343, 3429, 731), "hi": (350, 3494, 752),
        "id": (960, 9668, 3088), "ja": (860, 8354, 1790), "ko": (213, 3057, 547),
        "ru": (1252, 13100, 3560), "sw": (482, 5092, 910), "te": (828, 1606, 854),
        "th": (733, 7573, 1343), "yo": (119, 1188, 144), "zh": (393, 3928, 994),
    },
    "train": {
        "ar": (3495, 25382, 6217), "bn": (1631, 16754, 3859), "en": (2863, 29416, 7899),
        "es": (2162, 21531, 10025), "fa": (2107, 21844, 4277), "fi": (2897, 20350, 4928),
        "fr": (1143, 11426, 2321), "hi": (1169, 11668, 2469), "id": (4071, 41358, 12505),
        "ja": (3477, 34387, 6984), "ko": (868, 12767, 1973), "ru": (4683, 33921, 10000),
        "sw": (1901, 9359, 2687), "te": (3452, 18608, 4119), "th": (2972, 21293, 4778),
        "zh": (1312, 13113, 3187),
    },
}  # fmt: skip
# Source: the metadata of ir_datasets 0.6.3, and pyserini's indices.
PASSAGES: Mapping[str, int] = {
    "ar": 2_061_414, "bn": 297_265, "de": 15_866_222, "en": 32_893_221, "es": 10_373_953,
    "fa": 2_207_172, "fi": 1_883_509, "fr": 14_636_953, "hi": 506_264, "id": 1_446_315,
    "ja": 6_953_614, "ko": 1_486_752, "ru": 9_543_918, "sw": 131_924, "te": 518_079, "th": 542_166,
    "yo": 49_043, "zh": 4_934_368,
}  # fmt: skip


def miracl(
    split: Literal["dev", "train"] = "dev", languages: tuple[str, ...] | None = None
) -> IRDatasets:
    """MIRACL v1.0 (arXiv 2210.09984): 18 languages of Wikipedia, judged by native speakers.

    A passage is its article's title, a blank, and the text. Items are questions of one language:
    the same id in two of them means nothing. The corpora are large: 33 million passages in English,
    49 thousand in Yoruba (``yo``), 132 thousand in Swahili (``sw``). Licence: Apache-2.0.

    Args:
        split: German (``de``) and Yoruba (``yo``), the surprise languages, have no ``train``.
        languages: some of ar bn de en es fa fi fr hi id ja ko ru sw te th yo zh; not given: all
            that the split has.
    """
    tags = chosen(languages, COUNTS[split])
    known = {
        tag: {
            "queries": queries,
            "passages": PASSAGES[tag],
            "judgements": judgements,
            "relevant": relevant,
        }
        for tag, (queries, judgements, relevant) in COUNTS[split].items()
        if tag in tags
    }
    dataset = of_ir_datasets(f"miracl/{{lang}}/{split}", tags)
    return replace(dataset, licence="Apache-2.0", known=known)
