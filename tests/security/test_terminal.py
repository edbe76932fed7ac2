"""What a terminal would obey arrives nowhere: not from names, texts, files, plugins or runs.

Output that is piped is the same: what reads it may show it.
"""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.cli.calling import call, refused
from tests.installed import installing
from tests.security.attacks import ESCAPES, EVIL, TURNED, assert_harmless
from tests.toy_results import CLAIM, METHODS, resolved, write_benchmark, write_scores

from hbench import registry
from hbench.cli import completing
from hbench.errors import printable
from hbench.store import Store
from hbench_plugins.datasets.babel import Babel

FORMATS = ("table", "markdown", "latex", "csv", "json", "html")
FIGURE = {"setting": "mono", "metric": "map", "query_language": None, "value": 0.5}


@pytest.fixture
def work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def results(work):
    """A results folder that somebody sent, with escapes wherever it holds text."""
    text = json.dumps(resolved()).replace('"good"', json.dumps(f"good{EVIL}"))
    detail = json.loads(text.replace('"test"', json.dumps(f"test{EVIL}")))
    method, dataset = f"good{EVIL}", f"test{EVIL}"
    rival = {"method": {"sampler": method}, "better_than": {"sampler": "worse"}}
    detail["spec"] = {
        "says": EVIL,
        "claims": [CLAIM | rival | {"says": EVIL}, {"says": EVIL, "description": True}],
        "published": [FIGURE | {"method": method, "dataset": dataset, "source": EVIL}],
    }
    detail["evaluations"][dataset]["notes"] = [EVIL]
    write_scores(work / "results", METHODS)
    write_benchmark(work / "results", detail)
    return detail


@pytest.mark.parametrize("form", FORMATS)
def test_tables_of_a_results_folder_that_somebody_sent(results, form):
    result = call("compare", "--format", form)
    assert result.exit_code == 0, result.output
    assert_harmless(result.output)
    assert ("good" in result.stdout and "0.650" in result.stdout) or form in ("csv", "json")


def test_json_escapes_what_a_terminal_would_obey_and_loses_nothing(results):
    stdout = call("compare", "--format", "json").stdout
    assert_harmless(stdout)
    (entry,) = json.loads(stdout)
    assert entry["tables"][0]["rows"][0]["method"] == f"good{EVIL}"


@pytest.mark.parametrize("form", ["table", "json"])
def test_claims_of_a_results_folder_that_somebody_sent(results, form):
    result = call("verify", "--format", form)
    assert result.exit_code == 0, result.output
    assert_harmless(result.output)
    assert "[red]x[/red]" in result.stdout


def test_messages_on_what_is_missing_or_unknown(results):
    (folder,) = Path("results/systems").glob("worse1")
    (folder / "e" / "manifest.json").unlink()
    for words in (("compare",), ("compare", "--dataset", "x"), ("compare", "--baseline", EVIL)):
        result = call(*words)
        assert_harmless(result.output)
        assert result.stderr
    assert_harmless(refused("export", "toy", f"x{EVIL}", "--to", "out"))


def test_a_method_in_markdown_is_no_link_image_or_html(results):
    shown = call("compare", "--format", "markdown").stdout
    assert "\\[red\\]x\\[/red\\]" in shown and "[red]" not in shown


@pytest.fixture
def add(monkeypatch):
    """A function that installs a plugin whose docstring is full of escapes."""

    def evil(k: int = 1) -> object:
        return None

    evil.__doc__ = f"{EVIL}\n\nArgs:\n    k: {EVIL}\n"
    registry.forget()
    with monkeypatch.context() as patch:
        yield installing(patch, "sampler", evil=evil)
    registry.forget()


def test_plugins_and_their_docstrings(add):
    add(f"evil{ESCAPES}", "evil", f"toys{EVIL}")
    add("broken", f"nothing{ESCAPES}")
    for words in ((), ("sampler",), ("--format", "json"), ("sampler", EVIL)):
        result = call("plugins", *words)
        assert result.output
        assert_harmless(result.output)


def test_texts_of_a_dataset(work, monkeypatch):
    beir = work / f"corpus{TURNED}"
    (beir / "qrels").mkdir(parents=True)
    text = f"wer{EVIL}\u200cbaute\u3000es"
    lines = {"corpus": {"_id": f"p{EVIL}", "text": text}, "queries": {"_id": "q1", "text": text}}
    for name, line in lines.items():
        (beir / f"{name}.jsonl").write_text(json.dumps(line) + "\n")
    row = f"q1\tp{EVIL}\t1\n"
    (beir / "qrels/test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{row}", encoding="utf-8")
    words = ("data", "beir", "--set", f"path={beir}", "--set", "language=de")
    table, as_json = call(*words), call(*words, "--format", "json")
    for result in (table, as_json):
        assert result.exit_code == 0, result.output
        assert_harmless(result.output)
    assert f"de ? wer{printable(EVIL)}\u200cbaute es" in table.stdout  # joiners are letters
    assert json.loads(as_json.stdout)["languages"]["de"]["examples"][0]["query"] == text


def test_names_of_files_and_options_in_messages(work):
    for words in (
        ("validate", f"{EVIL}.yaml"),
        ("plan", f"f{EVIL}.yaml"),
        ("data", f"x{EVIL}"),
        ("data", "babel", "--set", f"x{EVIL}=1"),
        ("compare", "--results", f"x{EVIL}"),
        ("init", f"{EVIL}.yaml", "--data", f"{EVIL}/{{lang}}.tsv"),
        ("new", "sampler", EVIL),
        ("new", EVIL, "x"),
    ):
        assert_harmless(refused(*words))


def test_mistakes_in_a_spec_that_is_full_of_escapes(work):
    escaped = json.dumps(EVIL)
    Path("f.yaml").write_text(
        f"version: 1\nbenchmarks:\n  {escaped}:\n    says: {escaped}\n    encoders: {{{escaped}: "
        f"{{use: {escaped}, {escaped}: {escaped}}}}}\n"
    )
    assert_harmless(refused("validate", "f.yaml"))


def test_what_a_plugins_mistake_says(work, monkeypatch):
    def fail(self):
        raise RuntimeError(EVIL)

    monkeypatch.setattr(Babel, "queries", fail)
    result = call("data", "babel", "--set", "split=test")
    assert result.exit_code == 2 and "RuntimeError" in result.stderr
    assert_harmless(result.output)


def test_jobs_of_a_plan(work):
    field = f"q{EVIL}"  # an option that is part of the jobs' titles
    for language in ("de", "en"):
        line = json.dumps({field: f"some {language}"})
        Path(f"x{ESCAPES}.{language}.jsonl").write_text(line)
    files = json.dumps(f"x{ESCAPES}.{{lang}}.jsonl")
    Path("f.yaml").write_text(
        f"""
version: 1
benchmarks:
  toy:
    train: {{data: {{a: {{use: babel, split: train}}}}, steps: 1}}
    encoders: {{e: {{use: scratch}}}}
    samplers: {{mono: {{use: mono}}}}
    objectives: {{infonce: {{use: infonce}}}}
    evaluate:
      t:
        data: {{use: parallel, files: {files}, query: {json.dumps(field)}}}
        settings: [mono]
        metrics: [map]
"""
    )
    result = call("plan", "f.yaml")
    assert result.exit_code == 0, result.output
    assert_harmless(result.output)
    for kind in ("data", "leakage", "encode", "rank", "score"):
        assert f"run   {kind} parallel query={printable(field)}" in result.stdout


def test_shells_are_offered_no_names_that_they_would_obey(results):
    context: Any = SimpleNamespace(params={"results": "results"}, args=())
    assert completing.methods(context) == ["worse", "same"]
    assert completing.benchmarks(context) == ["toy"]


def test_a_trec_run_by_an_odd_name_is_shown_without_escapes(work, results):
    run = work / f"run{ESCAPES}.trec"
    run.write_text(f"de:q{EVIL} Q0 x 1 1.0 {EVIL}\n")
    assert_harmless(call("compare", "--run", str(run)).output)


def test_printable_text_keeps_what_scripts_are_written_with():
    kept = "नमस्ते می\u200cخواهم ক্‍ষ 日本\u3000語 a\u00a0b é\n"
    assert printable(kept) == kept
    assert not {*printable(EVIL)} & {*ESCAPES, *TURNED} - {*"[2J]0;gone31mnp.exe"}


def test_a_store_folder_shows_no_escapes_either():
    assert_harmless(str(Store(Path("r")).benchmark(EVIL)))
