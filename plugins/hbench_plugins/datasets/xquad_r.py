"""XQuAD-R: questions and candidate answer sentences, parallel in 11 languages."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, TypeVar

from hbench.errors import DataError, OptionError
from hbench.records import Judgement, Passage, Query
from hbench.store import file_record, key_of
from hbench_plugins.datasets import lareqa

NAME = "xquad-r"
SOURCE = "github.com/google-research-datasets/lareqa, commit 9bc8c7f, folder xquad-r"
ARTICLES = 48
SHA256 = {
    "ar": "c52922d3b8ac1ae03ed5ac38647ad59870dca3dda2beefe18ecdc30729acb69d",
    "de": "16fb0f4bf4916154b585a20c24c66074591c9718a1affe764ff4697572328949",
    "el": "163fd43ee785a30eb534ae2061e9eaa766a7ee4e8ffce5e4b422480c150f64b6",
    "en": "7b0954f39297c27a31fef610f0883337dd2907fa8699151dc922afdd0fa12ffe",
    "es": "f8e836b2d91009c4363e04315f7ede363eedbbb49c67dda60de6c4aa782f58de",
    "hi": "ea45ba8ae4513d1533b222bebdc02a90bc319c055d3aeea68584a053d2e92872",
    "ru": "7f4dff853538b9a5fcc28c070b8bb983a5c5d190ac747b8e005a1ada9cab18f1",
    "th": "c3a041864c3a9fb0b4dd91cfdf99cf36b411b3e704c58a303c97bc6dc786cfe4",
    "tr": "f3e8c13002bbce154a4578f535f7533cb70f3da08840e6b62735935baec7bd94",
    "vi": "e35926bf5cc6fc6ecbdfca49467aabeb454f08d152d7818143a906bd31dde995",
    "zh": "80c2cde7b9c2fb134c303cbb52f2ba396ead9eb0014aec43993543d2ba9e93ed",
}
Record = TypeVar("Record")


@dataclass(frozen=True)
class XQuADR:
    """LAReQA's XQuAD-R: 1,190 questions in 11 languages, 13,014 candidate sentences, 48 articles.

    An item is a question in all languages, a cluster is an article. Made from SQuAD v1.1's
    development set; licence CC BY-SA 4.0. Source: arXiv 2004.05484.

    Args:
        path: the folder of ``ar.json`` to ``zh.json``; not given: ``$HBENCH_DATA/xquad-r``.
        articles: such as ``0-31``: only these, the same in all languages; not given: all 48.
        context: candidates are sentence + paragraph, as LAReQA encodes them, or sentences alone.
    """

    path: Path | None = None
    articles: str | None = None
    context: bool = True
    version: ClassVar[int] = 1
    parallel: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.articles is not None and not self._range:
            raise OptionError(
                f"articles: give first-last within 0-{ARTICLES - 1}, such as 0-31; "
                f"found {self.articles!r}",
                ("articles",),
            )

    def fingerprint(self) -> str:
        """The sums of all files, after checking that the files here have them."""
        for language, expected in SHA256.items():
            path = self._folder / f"{language}.json"
            if not path.is_file():
                raise DataError(
                    f"dataset {NAME}: {path} is missing; get the folder from {SOURCE}, and give "
                    f"its place with 'path:' or put it into $HBENCH_DATA/{NAME}"
                )
            found = file_record(path)["sha256"]
            if found != expected:
                raise DataError(
                    f"dataset {NAME}: {path} has sha256 {found}, expected {expected}; "
                    f"it is damaged or of another version: get it from {SOURCE}"
                )
        return key_of(SHA256)

    def languages(self) -> Sequence[str]:
        """The 11 tags."""
        return tuple(SHA256)

    def queries(self) -> Iterator[Query]:
        """Language by language, in the files' order."""
        return self._each(lareqa.queries)

    def passages(self) -> Iterator[Passage]:
        """Language by language, in the files' order."""
        return self._each(
            lambda language, paragraphs: lareqa.passages(language, paragraphs, context=self.context)
        )

    def judgements(self) -> Iterator[Judgement]:
        """One for each question and language."""
        return self._each(lareqa.judgements)

    def _each(
        self, read: Callable[[str, Sequence[lareqa.Paragraph]], Iterable[Record]]
    ) -> Iterator[Record]:
        for language in SHA256:
            path = self._folder / f"{language}.json"
            yield from read(language, list(lareqa.read(path, self._range)))

    @property
    def _folder(self) -> Path:
        if self.path is not None:
            return self.path
        base = os.environ.get("HBENCH_DATA")
        if not base:
            raise DataError(
                f"dataset {NAME}: give the folder of its files with 'path:', or set HBENCH_DATA to "
                f"the folder that holds {NAME}/; they come from {SOURCE}"
            )
        return Path(base) / NAME

    @property
    def _range(self) -> range | None:
        """The articles to read; None for all, or where the option makes no sense."""
        match = re.fullmatch(r"(\d{1,3})-(\d{1,3})", self.articles or "")
        if not match:
            return None
        first, last = map(int, match.groups())
        return range(first, last + 1) if first <= last < ARTICLES else None
