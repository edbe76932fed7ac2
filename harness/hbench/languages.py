"""Language tags in one spelling: the shortest BCP 47 tag that means the same."""

from functools import cache

from hbench.errors import DataError


@cache
def language_tag(code: str) -> str:
    """The tag of a language that a file or a dataset calls ``code``.

    Three letters become two, ``_`` becomes ``-``, a standard variety becomes its language, and what
    goes without saying is left out (likely subtags, Unicode TR 35, by langcodes).

    Raises:
        DataError: no language is registered under the code.

    >>> [language_tag(code) for code in ("eng", "zho-CN", "zh_cn", "zh-TW", "arb", "pt-BR")]
    ['en', 'zh', 'zh', 'zh-TW', 'ar', 'pt']
    """
    import langcodes
    from langcodes.tag_parser import LanguageTagError

    try:
        tag = langcodes.standardize_tag(code, macro=True)
    except LanguageTagError:
        tag = ""
    if not tag or not langcodes.tag_is_valid(tag) or tag == "und":
        raise DataError(
            f"{code!r} is no language code that is registered; use a BCP 47 tag, as 'de' or 'zh-TW'"
        )
    return min(_shorter(tag), key=len)


def _shorter(tag: str) -> list[str]:
    """The tag, and those with fewer parts that mean the same."""
    import langcodes

    parts = tag.split("-")
    meant = langcodes.Language.get(tag).maximize()
    tags = ["-".join(parts[:count]) for count in range(1, len(parts) + 1)]
    return [each for each in tags if langcodes.Language.get(each).maximize() == meant]
