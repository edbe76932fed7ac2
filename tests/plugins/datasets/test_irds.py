"""ir_datasets' datasets: MIRACL's real topics and judgements, and toys read by its real classes."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter

import pytest

from hbench.errors import DataError, OptionError
from hbench.protocols import Dataset
from hbench_plugins.datasets import irds_library as library
from hbench_plugins.datasets import miracl as miracl_module
from hbench_plugins.datasets import mr_tydi as mr_tydi_module
from hbench_plugins.datasets.irds import ir_datasets
from hbench_plugins.datasets.miracl import miracl
from hbench_plugins.datasets.mmarco import mmarco
from hbench_plugins.datasets.mr_tydi import mr_tydi

TRAIN = ("ar", "en", "es", "hi", "ru", "th", "zh")  # what the shared data has of the train split


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A function that registers a dataset: texts by id, and judgements as lines of TREC."""
    import ir_datasets as irds
    from ir_datasets.formats import JsonlDocs, TrecQrels, TsvQueries
    from ir_datasets.util import LocalDownload

    def register(name, queries, documents, judgements, *, lang=None, asked=None):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "queries").write_text("".join(f"{q}\t{t}\n" for q, t in queries.items()))
        (folder / "qrels").write_text("".join(f"{line}\n" for line in judgements))
        lines = [json.dumps({"doc_id": d, "text": t}) for d, t in documents.items()]
        (folder / "docs").write_text("\n".join(lines) + "\n")
        dataset = irds.Dataset(
            JsonlDocs(LocalDownload(folder / "docs"), lang=lang),
            TsvQueries(LocalDownload(folder / "queries"), lang=asked or lang),
            TrecQrels(LocalDownload(folder / "qrels"), {}),
        )
        monkeypatch.setitem(irds.registry._registered, name, dataset)
        return dataset

    return register


@pytest.fixture
def pair(toy):
    """A family of two languages whose query ids are the same, for different questions."""
    toy("toy/de/dev", {"1": "wer"}, {"a": "er", "b": "es"}, ["1 0 a 2", "1 0 b 0"])
    toy("toy/dt/dev", {"1": "wie"}, {"a": "hij"}, ["1 0 a 1"])
    toy("toy/multi/dev", {"1": "?"}, {"a": "!"}, ["1 0 a 1"])


def found(dataset):
    """All records of a dataset, as tuples."""
    return {
        "queries": [(q.item, q.language, q.text) for q in dataset.queries()],
        "judgements": [
            (j.item, j.language, j.passage, j.grade) for j in dataset.judgements()
        ],
        "passages": [(p.id, p.language, p.text) for p in dataset.passages()],
    }  # fmt: skip


def test_a_family_is_one_dataset_whose_items_are_apart_by_language(pair):
    dataset = ir_datasets("toy/{lang}/dev")
    assert isinstance(dataset, Dataset)
    assert dataset.languages() == ("de", "nl")  # dt is Dutch, and multi is no language
    assert found(dataset) == {
        "queries": [("de:1", "de", "wer"), ("nl:1", "nl", "wie")],
        "judgements": [("de:1", "de", "a", 2), ("de:1", "de", "b", 0), ("nl:1", "nl", "a", 1)],
        "passages": [("a", "de", "er"), ("b", "de", "es"), ("a", "nl", "hij")],
    }
    assert dataset.notes() == []


def test_items_of_a_parallel_family_are_shared_over_languages(pair, stored):
    dataset = ir_datasets("toy/{lang}/dev", parallel=True)
    assert [query.item for query in dataset.queries()] == ["1", "1"]
    assert {judgement.item for judgement in dataset.judgements()} == {"1"}
    corpus = stored(dataset)
    assert corpus.parallel
    assert corpus.table("items")["item"].to_pylist() == ["1"]


@pytest.mark.parametrize("spelled", ["dt", "nl"])
def test_a_language_may_be_named_as_the_id_spells_it_or_by_its_tag(pair, spelled):
    dataset = ir_datasets("toy/{lang}/dev", languages=(spelled,))
    assert dataset.languages() == ("nl",)
    assert [query.text for query in dataset.queries()] == ["wie"]


def test_an_id_of_its_own_joins_a_family(pair, toy):
    toy("other/dev", {"1": "who"}, {"a": "he"}, ["1 0 a 1"])
    dataset = ir_datasets("toy/{lang}/dev", also={"en": "other/dev"}, parallel=True)
    assert dataset.languages() == ("de", "nl", "en")
    assert list(dataset.queries())[-1].text == "who"


def test_a_single_id_has_the_language_that_the_library_or_the_user_says(toy):
    toy("lone", {"1": "wer"}, {"a": "er"}, ["1 0 a 1"], lang="deu")
    toy("mute", {"1": "wer"}, {"a": "er"}, ["1 0 a 1"])
    assert ir_datasets("lone").languages() == ("de",)
    assert ir_datasets("mute", language="de").languages() == ("de",)
    with pytest.raises(DataError, match="mute: ir_datasets does not say in which language it is"):
        ir_datasets("mute").languages()


def test_what_cannot_be_an_item_or_a_passage_is_left_out_and_told(toy, stored):
    queries = {"1": "wer", "2": "unjudged", "3": "", "4": "unjudged"}
    documents = {"a": "er", "b": " ", "c": "sie"}
    toy("rags", queries, documents, ["1 0 a 1", "3 0 c 1", "9 0 c 1"], lang="de")
    dataset = ir_datasets("rags")
    for _ in range(2):  # reading again counts nothing twice
        corpus = stored(dataset)
        assert corpus.table("items")["item"].to_pylist() == ["de:1"]
        assert corpus.passage_ids.to_pylist() == ["de:a", "de:c"]
        assert dataset.notes() == [
            "left out, queries without a judgement: 2 (de 2)",
            "left out, queries whose text is empty: 1 (de 1)",
            "left out, judgements of queries that are not there: 2 (de 2)",
            "left out, passages whose text is empty: 1 (de 1)",
        ]


def test_a_document_store_that_was_built_is_not_read(toy):
    handler = toy("kept", {"1": "wer"}, {"a": "new"}, ["1 0 a 1"], lang="de").docs_handler()
    source = handler.docs_path()
    text = source.read_text()
    source.write_text(text.replace("new", "old"))
    handler.docs_store().build()
    source.write_text(text)
    assert handler.docs_store().built()
    assert next(iter(handler.docs_iter())).text == "old"
    assert [passage.text for passage in ir_datasets("kept").passages()] == ["new"]


def test_documents_that_stand_in_a_store_alone_are_refused(toy, monkeypatch):
    handler = toy("stored", {"1": "wer"}, {"a": "er"}, ["1 0 a 1"], lang="de").docs_handler()
    monkeypatch.setattr(type(handler), "docs_iter", lambda self: iter(self.docs_store()))
    with pytest.raises(DataError, match="stored: ir_datasets reads these documents from a pickled"):
        list(ir_datasets("stored").passages())


def test_queries_in_another_language_than_their_documents_are_refused(toy):
    toy("across", {"1": "who"}, {"a": "er"}, ["1 0 a 1"], lang="de", asked="en")
    with pytest.raises(DataError, match=r"queries are in 'en', its documents in 'de'.*query_id, t"):
        ir_datasets("across").fingerprint()


def test_another_field_of_the_queries_can_be_asked_with(toy):
    toy("fields", {"1": "who"}, {"a": "er"}, ["1 0 a 1"], lang="de", asked="en")
    assert ir_datasets("fields", query_field="text").fingerprint()
    assert next(ir_datasets("fields", query_field="query_id").queries()).text == "1"
    with pytest.raises(DataError, match="no field 'txt': did you mean 'text'"):
        list(ir_datasets("fields", query_field="txt").queries())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id": "miracl/de/dve"}, "knows no dataset 'miracl/de/dve'; near are miracl/de/dev"),
        ({"id": "miracl/{lang}/train", "languages": ("yo",)}, "no dataset 'miracl/yo/train'; near"),
        ({"id": "nothing/{lang}"}, "no id that ir_datasets lists fits 'nothing/{lang}'"),
        ({"id": "miracl/de/test-b"}, "miracl/de/test-b: ir_datasets has no judgements for it"),
    ],
)
def test_ids_that_serve_nothing_are_refused_with_what_to_do(options, message):
    with pytest.raises(DataError) as caught:
        ir_datasets(**options).fingerprint()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"id": "miracl/{lang}/dev", "language": "de"}, "language"),
        ({"id": "miracl/de/dev", "languages": ("de",)}, "languages"),
        ({"id": "miracl/de/dev", "also": {"en": "miracl/en/dev"}}, "also"),
    ],
)
def test_options_that_contradict_the_id_are_refused(options, place):
    with pytest.raises(OptionError, match=place) as caught:
        ir_datasets(**options)
    assert caught.value.path == (place,)


@pytest.mark.parametrize(("preset", "language"), [(miracl, "dee"), (mr_tydi, "de"), (mmarco, "dt")])
def test_presets_refuse_a_language_that_they_lack(preset, language):
    with pytest.raises(OptionError, match=f"languages: '{language}' is not there"):
        preset(languages=(language,))


def test_miracl_knows_18_languages_and_16_for_training():
    assert set(miracl().languages()) - set(miracl("train").languages()) == {"de", "yo"}
    assert len(miracl().languages()) == 18
    assert not miracl().parallel
    with pytest.raises(OptionError, match="'yo' is not there"):
        miracl("train", languages=("yo",))


def test_mmarco_is_parallel_with_the_english_original_among_14_languages():
    dataset = mmarco("train")
    assert dataset.parallel
    assert len(set(dataset.languages())) == 14
    assert dataset._ids["en"] == "msmarco-passage/train"
    assert dataset._ids["nl"] == "mmarco/v2/dt/train"
    assert mmarco(languages=("en",)).languages() == ("en",)
    assert mmarco(languages=("nl", "de"))._ids == {
        "nl": "mmarco/v2/dt/dev/small",
        "de": "mmarco/v2/de/dev/small",
    }


def test_counts_of_the_presets_cover_their_languages():
    assert list(miracl_module.PASSAGES) == list(miracl_module.COUNTS["dev"])
    assert sum(queries for queries, _, _ in miracl_module.COUNTS["train"].values()) == 40_203
    assert {tuple(counts) for counts in mr_tydi_module.COUNTS.values()} == {
        mr_tydi().languages()
    }  # fmt: skip


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A dataset whose documents must be fetched; the sum that is expected of them is wrong."""
    import ir_datasets as irds
    from ir_datasets.formats import JsonlDocs, TrecQrels, TsvQueries
    from ir_datasets.util import Download, LocalDownload

    for name, text in (("queries", "1\twer\n"), ("qrels", "1 0 a 1\n"), ("elsewhere", "{}\n")):
        (tmp_path / name).write_text(text)
    mirror = LocalDownload(tmp_path / "elsewhere")
    mirror.path = lambda force=True: tmp_path / ("elsewhere" if force else "by-hand")
    mirror.url = "https://example.org/docs.gz"
    documents = Download([mirror], tmp_path / "docs", expected_md5="0" * 32, size_hint=5_000_000)
    dataset = irds.Dataset(
        JsonlDocs(documents, lang="de"),
        TsvQueries(LocalDownload(tmp_path / "queries"), lang="de"),
        TrecQrels(LocalDownload(tmp_path / "qrels"), {}),
    )
    monkeypatch.setitem(irds.registry._registered, "remote", dataset)
    return tmp_path


@pytest.mark.parametrize("stream", ["queries", "judgements", "passages"])
def test_offline_all_missing_files_are_named_at_once_with_size_and_place(
    remote, monkeypatch, stream
):
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    with pytest.raises(DataError) as caught:
        next(getattr(ir_datasets("remote"), stream)())
    assert "remote: files are missing, and --offline or HBENCH_OFFLINE" in str(caught.value)
    assert "Missing: 1, about 5.0 MB" in str(caught.value)
    line = f"  {remote / 'by-hand'} <- https://example.org/docs.gz (about 5.00 MB)"
    assert str(caught.value).splitlines()[-1] == line


def test_offline_files_that_are_here_are_read(remote, monkeypatch):
    monkeypatch.setenv("HBENCH_OFFLINE", "1")
    (remote / "docs").write_text('{"doc_id": "a", "text": "er"}\n')
    assert [passage.text for passage in ir_datasets("remote").passages()] == ["er"]


def test_a_download_with_a_wrong_sum_is_one_message_with_what_to_do(remote):
    with pytest.raises(
        DataError, match=r"remote: ir_datasets failed \(HashVerificationError: Exp"
    ) as caught:
        list(ir_datasets("remote").passages())
    assert "try again, or put these files there by hand" in str(caught.value)
    assert not (remote / "docs").exists()


def test_a_damaged_file_is_one_message_with_what_to_do(remote):
    (remote / "docs").write_text("no JSON")
    with pytest.raises(DataError, match=r"\(JSONDecodeError: .*\); a file is damaged"):
        list(ir_datasets("remote").passages())


def test_fingerprints_are_the_same_in_every_process_and_differ_by_id(tmp_path):
    code = (
        "from hbench_plugins.datasets.miracl import miracl\n"
        "from hbench_plugins.datasets.mmarco import mmarco\n"
        "from hbench_plugins.datasets.mr_tydi import mr_tydi\n"
        "for each in (miracl(), miracl('train'), miracl(languages=('sw',)), mr_tydi(),\n"
        "             mr_tydi('dev'), mmarco(), mmarco('dev')): print(each.fingerprint())\n"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "IR_DATASETS_HOME": str(tmp_path / home), "PYTHONHASHSEED": home},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for home in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert len(set(printed[0])) == 7


def test_building_a_plugin_does_not_import_the_library():
    code = (
        "import sys\nfrom hbench.registry import build\n"
        "for name in ('miracl', 'mmarco', 'mr-tydi'): build('dataset', name, {})\n"
        "build('dataset', 'ir-datasets', {'id': 'miracl/{lang}/dev'})\n"
        "print('ir_datasets' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


@pytest.fixture(scope="module")
def table(shared_data):
    """Of each language (topics, judgements, positives) as the shared data's own table has them."""
    lines = (shared_data / "README.md").read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| dev |"))
    rows = [
        [cell.strip() for cell in lines[start + below].split("|")[2:-1]] for below in (0, 2, 3, 4)
    ]
    return {tag: tuple(map(int, counts)) for tag, *counts in zip(*rows, strict=True)}


def test_counts_of_miracl_are_those_of_its_files(shared_data, table):
    assert miracl_module.COUNTS["dev"] == table
    for tag in TRAIN:
        stem = f"miracl-v1.0-{tag}-train.tsv.gz"
        topics, qrels = (
            gzip.decompress((shared_data / "miracl" / f"{kind}.{stem}").read_bytes()).splitlines()
            for kind in ("topics", "qrels")
        )
        positive = sum(line.split()[3] == b"1" for line in qrels)
        assert miracl_module.COUNTS["train"][tag] == (len(topics), len(qrels), positive)


def test_the_shared_topics_and_judgements_are_those_that_the_library_pins(shared_data, table):
    pinned = {
        file.url.rpartition("/")[2]: file.md5
        for tag in table
        for file in library.files(f"miracl/{tag}/dev")
        if file.url.endswith(".tsv")
    }
    sums = {
        path.name: hashlib.md5(path.read_bytes()).hexdigest()
        for path in (shared_data / "miracl").glob("*-dev.tsv")
    }
    assert len(sums) == 36
    assert sums == pinned


@pytest.fixture(scope="module")
def miracl_dev(shared_data, stored, tmp_path_factory):
    """MIRACL's development set; its passages are those judged, with made-up texts."""
    folder = tmp_path_factory.mktemp("miracl")
    empty = folder / "empty.gz"
    empty.write_bytes(gzip.compress(b""))
    with pytest.MonkeyPatch.context() as patch:
        for name in miracl()._ids.values():
            for download in library._walk(name, skip_made=False):
                file = (shared_data / "miracl") / download.mirrors[-1].url.rpartition("/")[2]
                here = file if file.exists() else empty
                if download.mirrors[-1].url.endswith("/docs-0.jsonl.gz"):
                    here = folder / f"{name.replace('/', '-')}.gz"
                    qrels = (
                        shared_data / "miracl" / f"qrels.miracl-v1.0-{name.split('/')[1]}-dev.tsv"
                    )
                    _write_documents(here, qrels.read_text().splitlines())
                patch.setattr(download, "_cache_path", str(here))
                patch.setattr(download, "_path", None)
        dataset = miracl()
        corpus = stored(dataset)
    assert dataset.notes() == []
    return corpus


def _write_documents(path, judgements):
    ids = dict.fromkeys(line.split()[2] for line in judgements)
    lines = [json.dumps({"docid": key, "title": f"T{key}", "text": f"text {key}"}) for key in ids]
    path.write_bytes(gzip.compress("\n".join(lines).encode(), compresslevel=1))


def test_miracl_has_the_known_queries_judgements_and_positives(miracl_dev, table):
    item, passage, grade = miracl_dev.judgements
    language = miracl_dev.passage_offsets.searchsorted(passage, side="right") - 1
    queries = (miracl_dev.query_offsets[1:] - miracl_dev.query_offsets[:-1]).tolist()
    judged, positive = Counter(language.tolist()), Counter(language[grade > 0].tolist())
    assert {
        tag: (queries[index], judged[index], positive[index])
        for index, tag in enumerate(miracl_dev.languages)
    } == table
    assert set(grade.tolist()) == {0, 1}
    assert len(set(item.tolist())) == len(miracl_dev.item_clusters) == sum(queries)


def test_number_signs_in_miracls_ids_survive_the_data_stage(miracl_dev, shared_data):
    first = (shared_data / "miracl" / "qrels.miracl-v1.0-yo-dev.tsv").read_text().split()[:4]
    item, passage, grade = (
        column[miracl_dev.judgements[0] >= 0] for column in miracl_dev.judgements
    )
    names = miracl_dev.table("items")["item"].to_pylist()
    ids = miracl_dev.passage_ids.to_pylist()
    row = names.index(f"yo:{first[0]}")
    at = int((item == row).argmax())
    assert "#" in first[0]
    assert "#" in first[2]
    assert (ids[passage[at]], int(grade[at])) == (f"yo:{first[2]}", int(first[3]))


def test_a_passage_of_miracl_is_title_blank_text(miracl_dev):
    index = miracl_dev.languages.index("sw")
    name = miracl_dev.passage_ids.to_pylist()[miracl_dev.passage_offsets[index]]
    key = name.removeprefix("sw:")
    assert miracl_dev.texts("passage", "sw")[0] == f"T{key} text {key}"
