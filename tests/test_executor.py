import pytest
from tests.toy_spec import toy_spec
from typer.testing import CliRunner

from hbench.cli import app
from hbench_plugins.datasets.babel import Babel


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the spec with one setting; returns how it ended and whether anything was trained."""
    monkeypatch.chdir(tmp_path)

    def go(setting):
        (tmp_path / "f.yaml").write_text(toy_spec(settings=setting))
        result = CliRunner().invoke(app, ["run", "f.yaml", "--device", "cpu"])
        return result, (tmp_path / "results" / "systems").exists()

    return go


def keep(monkeypatch, name, wanted):
    """Leave only some records of babel's test split; all facts of a few places, to be quick."""
    original = getattr(Babel, name)

    def kept(self):
        for record in original(self):
            place = getattr(record, "item", "") or getattr(record, "id", "")
            if "tower" in place and (self.split == "train" or wanted(record)):
                yield record

    monkeypatch.setattr(Babel, name, kept)


def only(monkeypatch, *, queries=lambda q: True, judgements=lambda j: True):
    keep(monkeypatch, "queries", queries)
    keep(monkeypatch, "passages", lambda passage: True)
    keep(monkeypatch, "judgements", judgements)


def test_settings_are_without_languages_that_have_no_queries_and_the_run_says_so(run, monkeypatch):
    only(monkeypatch, queries=lambda query: query.language in ("de", "en"))
    result, _ = run("mono")
    assert result.exit_code == 0, result.stderr
    assert "note: no queries are in ar, el, es, hi, ru, zh: settings are" in result.stderr
    assert "2 languages fixed" in " ".join(result.stdout.split())


def test_a_setting_without_any_queries_is_an_error_after_the_data_and_before_training(
    run, monkeypatch
):
    only(monkeypatch, queries=lambda query: query.language == "ru")
    result, trained = run("{name: both, pool: [de, en]}")
    assert (result.exit_code, trained) == (2, False)
    message = "toy: evaluate.test: setting 'both' has no queries: there are only such in ru"
    assert message in result.stderr


def test_a_language_whose_queries_nobody_answers_is_an_error_before_training(run, monkeypatch):
    only(monkeypatch, judgements=lambda judgement: judgement.language != "ru")
    result, trained = run("mono")
    assert (result.exit_code, trained) == (2, False)
    assert "toy: evaluate.test: setting 'mono' ranks queries in 'ru' against" in result.stderr
    assert "none of these queries has a relevant passage in ru; leave" in result.stderr


def test_a_pool_with_one_judged_language_is_enough_for_parallel_data(run, monkeypatch):
    only(monkeypatch, judgements=lambda judgement: judgement.language == "en")
    result, trained = run("{name: both, pool: [de, en]}")
    assert (result.exit_code, trained) == (0, True)


def test_data_that_is_not_parallel_ranks_no_language_that_nobody_judged(run, monkeypatch):
    only(
        monkeypatch,
        queries=lambda query: query.language == "en",
        judgements=lambda judgement: judgement.language == "en",
    )
    monkeypatch.setattr(Babel, "parallel", property(lambda self: self.split == "train"))
    result, trained = run("{name: both, pool: [de, en]}")
    assert (result.exit_code, trained) == (2, False)
    assert "relevant passage in de (and the data is not parallel)" in result.stderr


def test_a_data_job_that_fails_fails_alone_and_what_needs_it_is_skipped(run, monkeypatch):
    only(monkeypatch, judgements=lambda judgement: False)
    result, trained = run("mono")
    assert (result.exit_code, trained) == (1, True)
    assert "failed: data babel split=test: the dataset has no judgements" in result.stderr
    assert "1 job failed, 4 were skipped for want of it" in result.stderr
