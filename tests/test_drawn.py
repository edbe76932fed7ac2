"""What manifests say of the batches, by hand."""

from tests.toy_manifests import write_manifest

from hbench.drawn import languages_drawn, monolingual_batches


def write(folder, detail):
    write_manifest(folder, {"detail": detail})


def method(name, *seeds):
    return {"name": name, "systems": {seed: {"folder": f"{name}{seed}"} for seed in seeds}}


def test_languages_are_those_of_the_rows_that_were_drawn_not_of_all_training_data(tmp_path):
    """A tag may hold the sign that joins two: zh-Hant-en is zh-Hant and en."""
    write(tmp_path / "data", {"languages": ["de", "en", "fr", "zh-Hant"]})
    write(tmp_path / "one1", {"drawn": {"rows": {"de-de": 3}, "batches": {}}})
    write(tmp_path / "two1", {"drawn": {"rows": {"zh-Hant-en": 1}, "batches": {}}})
    resolved = {"training": {"source": "data"}, "methods": [method("one", "1"), method("two", "1")]}
    assert languages_drawn(resolved, tmp_path) == {"de", "en", "zh-Hant"}


def test_where_nothing_was_trained_no_language_was_drawn(tmp_path):
    write(tmp_path / "one0", {"parameters": 3})
    assert languages_drawn({"methods": [method("one", "0")]}, tmp_path) == frozenset()


def test_batches_of_one_language_are_counted_by_seed(tmp_path):
    batches = {"de-de": 2, "zh-Hant-zh-Hant": 3, "de-en": 4, "several same-language pairs": 5}
    write(tmp_path / "one1", {"drawn": {"rows": {}, "batches": batches}})
    assert monolingual_batches(method("one", "1", "2"), tmp_path) == {"1": (5, 14)}
