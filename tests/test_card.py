"""The model card of an export, read as a hub and as a Markdown renderer read it."""

import re
from itertools import pairwise
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from huggingface_hub import ModelCard
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from tests.cli.calling import call
from tests.cli.starting import a_table_each, rows
from tests.plugins.encoders.model_folders import by_sentence_transformers, own, pooled_folder

from hbench.findings import read_results
from hbench_plugins.encoders.scratch import Scratch

COMMIT = "0123456789" * 4
SPEC = f"""
version: 1
benchmarks:
  _a*b|c_:
    says: does it *help*, <b>or</b> not?
    train:
      data:
        mine: {{use: parallel, files: "data/{{lang}}.tsv", query: question, passage: answer, id: id,
               items: 0-7}}
      steps: 3
      batch_size: 4
    encoders:
      tiny: {{use: scratch, hidden: 8, layers: 1, vocabulary: 300}}
      hub: {{use: huggingface, model: some/model, revision: "{COMMIT}"}}
    samplers: {{mix: {{use: mixed}}, none: {{use: none}}}}
    objectives: {{infonce: {{use: infonce, temperature: 0.07}}}}
    transforms: {{plain: {{use: none}}, centered: {{use: centering}}}}
    seeds: [4, 5]
    evaluate:
      first:
        data: &test {{use: parallel, files: "data/{{lang}}.tsv", query: question, passage: answer,
                     id: id, items: 8-11}}
        settings: [mono, {{name: own, pool: [de, en]}}]
        metrics: [map, rank_distance]
      _second_:
        data: *test
        settings: [{{name: own, pool: [de, sw]}}]
        metrics: [map]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder of a finished run of twelve items, the last of which asks what the first asks."""
    folder = tmp_path_factory.mktemp("finished")
    published = pooled_folder(tmp_path_factory.mktemp("hub"), "xlm-roberta", "mean_tokens")
    items = rows(12)
    asked, told = items[0][1], items[11][1]
    items[11] = ("q11", {tag: (asked[tag][0], told[tag][1]) for tag in told})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(huggingface_hub, "snapshot_download", lambda *_, **__: str(published))
        patch.chdir(folder)
        a_table_each(items)
        Path("f.yaml").write_text(SPEC, encoding="utf-8")
        done = call("run", "f.yaml", "--device", "cpu")
        assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def export(finished, tmp_path, monkeypatch):
    """Exports a method, and gives the front matter, the Markdown below it, and what was said."""
    monkeypatch.chdir(finished)

    def export(method, *options):
        target = tmp_path / "out"
        done = call("export", "_a*b|c_", method, "--to", str(target), "--device", "cpu", *options)
        assert done.exit_code == 0, done.output
        text = (target / "model" / "README.md").read_text(encoding="utf-8")
        _, front, body = text.split("---\n", 2)
        return YAML(typ="safe").load(front), body, done.stderr

    return export


def cells(body):
    """The rows of all tables, as texts without marks."""
    found: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(body):
        if token.type == "tr_open":
            found.append([])
        elif token.type == "inline" and token.level == 4:
            found[-1].append("".join(part.content for part in token.children or ()))
    return found


def facts(body):
    return {row[0]: row[1] for row in cells(body) if len(row) == 2}


def figures(body):
    """By evaluation's heading, setting and metric: the cells behind them."""
    tables = body.partition("## Measured")[2].split("\n### ")[1:]
    return {
        (table.partition("\n")[0], setting, metric.split()[0]): rest
        for table in tables
        for setting, metric, *rest in cells(table)[1:]
        if setting != "Setting"
    }


def by_hand(scores, dataset, setting, metric):
    """The mean over queries, then over the pairs of a query's language and a pool."""
    part = scores[(scores.dataset == dataset) & (scores.setting == setting)]
    return part.groupby(["query_language", "pool"])[metric].mean().mean()


MEASURED = [
    ("first", "mono", "map"),
    ("first", "own", "map"),
    ("first", "own", "rank_distance"),
    ("_second_", "own", "map"),
]


def test_the_tables_hold_the_measured_figures_of_this_model_and_of_its_method(export):
    front, body, _ = export("tiny/mix/plain", "--seed", "5")
    results = read_results(Path("results"), ["_a*b|c_"])
    levels = results.levels.set_index(["method", "dataset", "setting", "metric"])
    scores = results.scores[
        (results.scores.method == "tiny/mix/plain") & (results.scores.seed.astype(str) == "5")
    ]
    found = {(name.replace("\\", ""), *rest): row for (name, *rest), row in figures(body).items()}
    assert list(found) == MEASURED
    for place, (this, method, queries, items, clusters) in found.items():
        level = levels.loc[("tiny/mix/plain", *place)]
        assert this.split()[0] == f"{by_hand(scores, *place):.3f}"
        assert method == f"{level['mean']:.3f} [{level.low:.3f}, {level.high:.3f}]"
        assert [queries, items, clusters] == [
            f"{level[n]}" for n in ("queries", "items", "clusters")
        ]
    given = {
        (*result["dataset"]["name"].split(", "), metric["type"]): metric["value"]
        for result in front["model-index"][0]["results"]
        for metric in result["metrics"]
    }
    assert list(given) == MEASURED
    for place, value in given.items():
        assert value == pytest.approx(by_hand(scores, *place))


def test_what_evaluations_define_differently_is_told_for_each(export):
    _, body, _ = export("tiny/mix/plain")
    assert [line for line in body.splitlines() if line.startswith("* own")] == [
        "* own (first): questions in de, en against the passages of de+en.",
        r"* own (\_second\_): questions in de, sw against the passages of de+sw.",
    ]
    assert body.count("* map: Mean over the relevant passages") == 1


def test_the_training_is_told_with_its_data_options_seed_and_leakage(export):
    _, body, _ = export("tiny/mix/plain", "--seed", "5")
    told = facts(body)
    assert told["Encoder"].startswith("scratch (hidden 8, layers 1, vocabulary 300, ")
    assert told["Batches"].startswith("mixed (source weight 1.0, language weight 0.0")
    assert told["Objective"].startswith("infonce (temperature 0.07, ")
    assert (told["Steps"], told["Seed"]) == ("3 steps of 4 rows", "5")
    assert set(told["Languages"].split(", ")) <= {"de", "en", "sw"}
    assert re.fullmatch(r"cpu, \d+ threads?, \d+\.\d s", told["Hardware"])
    (data,) = [row for row in cells(body) if row[0] == "mine"]
    assert data[1].startswith("parallel (weight 1.0, files data/{lang}.tsv, query question")
    assert data[2:] == ["8", "not known"]
    assert "It is one of 2 models of the method tiny/mix/plain, " in body
    assert "Note: 1 of 4 questions and 0 of 12 passages also occur in training (exact)" in body


def test_training_data_that_leaks_says_nothing_of_a_model_that_was_not_trained(export):
    _, body, _ = export("tiny/none/plain")
    assert "without any training: its encoder is scratch (hidden 8, " in body
    assert "Nothing was trained." in body
    assert "also occur in training" not in body


def test_a_hub_knows_the_front_matter(export, tmp_path):
    front, _, _ = export("tiny/mix/plain")
    assert front["language"] == ["de", "en", "sw"]
    assert front["library_name"] == "sentence-transformers"
    assert front["pipeline_tag"] == "sentence-similarity"
    assert {"sentence-transformers", "feature-extraction", "multilingual"} <= set(front["tags"])
    assert front["model-index"][0]["name"] == "_a*b|c_: tiny/mix/plain (seed 4)"
    assert not {"base_model", "license", "datasets"} & set(front)
    card = ModelCard.load(tmp_path / "out/model/README.md")
    assert card.data.to_dict() == front
    assert len(card.data.eval_results) == len(MEASURED)


def test_the_base_model_is_named_where_it_comes_from_the_hub(export):
    front, body, _ = export("hub/mix/plain")
    assert front["base_model"] == "some/model"
    assert facts(body)["Base model"] == f"some/model at revision {COMMIT}"
    assert "* What some/model was trained on before is not known here" in body


def test_a_fixed_checkpoint_has_neither_seed_nor_method_besides_itself(export):
    front, body, _ = export("hub/none/plain")
    assert front["base_model"] == "some/model"
    assert front["model-index"][0]["name"] == "_a*b|c_: hub/none/plain"
    assert body.lstrip().splitlines()[0] == r"# \_a\*b\|c\_: hub/none/plain"
    assert f"as published: some/model at revision {COMMIT}, without any further" in body
    assert "The figures are of this model, which depends on no seed." in body
    assert all(len(row) == 4 for row in figures(body).values())  # no column of the method
    assert "--seed" not in body


def test_figures_of_changed_vectors_are_not_given_out_as_the_models(export):
    front, body, _ = export("tiny/mix/centered")
    said = (
        "**The figures below are not of this model alone.** Its vectors were changed by centering "
        "before they were ranked"
    )
    assert said in body
    assert "model-index" not in front
    assert front["model_name"] == "_a*b|c_: tiny/mix/centered (seed 4)"


def test_signs_in_names_are_shown_as_they_are(export):
    _, body, _ = export("tiny/mix/plain")
    tokens = MarkdownIt("commonmark").parse(body)
    titles = [
        "".join(part.content for part in text.children or ())
        for opening, text in pairwise(tokens)
        if opening.type == "heading_open"
    ]
    assert titles[0] == "_a*b|c_: tiny/mix/plain (seed 4)"
    assert titles[-3:] == ["_second_", "Limits", "Reproduce"]
    marks = {part.type for token in tokens for part in token.children or ()}
    assert "html_inline" not in marks and "em_open" not in marks
    shown = MarkdownIt("commonmark").render(body)
    assert "(does it *help*, &lt;b&gt;or&lt;/b&gt; not?)" in shown


def test_a_readme_that_the_encoder_saved_is_replaced_and_that_is_said(export):
    (stored,) = Path("results/systems").glob("scratch-mixed-infonce-s4-*/model")
    (stored / "README.md").write_text("mine", encoding="utf-8")
    try:
        _, body, said = export("tiny/mix/plain")
    finally:
        (stored / "README.md").unlink()
    assert "## Measured" in body
    note = (
        rf"^note: .*out/model/README.md is the model card; the encoder's own is {stored}/README.md$"
    )
    assert re.search(note, said, re.MULTILINE)


@pytest.mark.parametrize("side", ["query", "passage"])
def test_the_exported_model_gives_the_stored_models_vectors(export, tmp_path, side):
    export("tiny/mix/plain")
    (stored,) = Path("results/systems").glob("scratch-mixed-infonce-s4-*/model")
    ours = own(Scratch(hidden=8, layers=1, vocabulary=300).load(stored), side)
    np.testing.assert_allclose(
        by_sentence_transformers(tmp_path / "out/model", side), ours, atol=1e-5
    )
