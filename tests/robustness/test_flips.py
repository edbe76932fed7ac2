"""A flipped byte anywhere in the results is found, or changes nothing."""

import json
import shutil

import pytest
from tests.robustness.runs import chance, final_bytes, finish

import hbench
from hbench import manifests
from hbench.soundness import examine
from hbench.store import Store

FLIPS = 500
TABLES = ("compare.json", "resolved.json", "tables.txt", "tables.md", "scores.parquet")


def artefacts(results):
    return sorted(
        path
        for path in results.rglob("*")
        if path.is_file() and not {"locks", "damaged", "unfinished"} & set(path.parts)
    )


def tables(results):
    return {k: v for k, v in final_bytes(results).items() if k.rpartition("/")[2] in TABLES}


def flip(path, random):
    """Change one byte; returns whether that must be seen.

    A manifest has a sum of what it says, which is the same if only its blanks are others; all other
    files are summed byte by byte.
    """
    content = bytearray(path.read_bytes())
    before = bytes(content)
    place = random.randrange(len(content))
    content[place] ^= random.randrange(1, 256)
    path.write_bytes(content)
    return path.name != manifests.MANIFEST or as_json(before) != as_json(bytes(content))


def as_json(content):
    try:
        return json.loads(content)
    except ValueError:
        return content


def sound(results):
    """What is damaged, for a process that has not looked before."""
    manifests.forget_checks()
    return examine(Store(results)).damaged


def run(spec, results):
    manifests.forget_checks()
    found = hbench.load(spec).run(results, device="cpu")
    assert found.failed == []


@pytest.mark.slow
def test_no_flipped_byte_changes_a_table(spec, wanted, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # as the runs that it is compared with have
    results = tmp_path / "results"
    finish(spec, results)
    random = chance(500)
    at_once, later, harmless = 0, 0, 0
    for number in range(FLIPS):
        path = random.choice([p for p in artefacts(results) if p.stat().st_size])
        original = path.read_bytes()
        must_be_seen = flip(path, random)
        damaged = sound(results)
        assert damaged or not must_be_seen, f"{path} is not seen to be damaged"
        assert all(path.is_relative_to(each.folder) for each in damaged), path
        harmless += not damaged
        run(spec, results)
        assert tables(results) == {k: v for k, v in wanted.items() if k in tables(results)}, path
        left = sound(results)
        if left:  # nobody has read it: then it is set aside by hand
            later += 1
            store = Store(results)
            for each in left:
                store.put_aside(each.folder, each.cause)
            run(spec, results)
        else:
            at_once += bool(damaged)
        assert sound(results) == [], path
        assert final_bytes(results).keys() == wanted.keys(), (number, path)
        assert tables(results) == {k: wanted[k] for k in tables(results)}, path
        if path.exists() and path.name not in (manifests.MANIFEST, "train.jsonl"):  # have times
            assert path.read_bytes() == original, path
        shutil.rmtree(results / "cache" / "damaged", ignore_errors=True)
    with capsys.disabled():
        print(f"\n{FLIPS} flips: {at_once} mended by the next run, {later} told by `hbench check` "
              f"and made anew, {harmless} without another meaning")  # fmt: skip
