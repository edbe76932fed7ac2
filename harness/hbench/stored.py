"""The vectors that jobs stored, for those that need them."""

import shutil
from collections.abc import Callable
from functools import partial

from hbench.corpus import Corpus
from hbench.jobs import EncodeJob, RankJob
from hbench.pools import ReadVectors
from hbench.records import Side
from hbench.stages import fit
from hbench.store import Store, is_complete, is_intact
from hbench.vectors import StoredRows, transformed


def stored_vectors(job: EncodeJob, store: Store) -> Callable[[Side, str], StoredRows]:
    """Reads the stored vectors of a side and language."""
    corpus = Corpus(job.data.folder(store))
    return partial(StoredRows.of, corpus, [place.folder for place in job.places(store)])


def ranked_vectors(job: RankJob, store: Store) -> ReadVectors:
    """Reads the vectors that a system is ranked by, its transform applied."""
    read = stored_vectors(job.vectors, store)
    if job.fit is None:
        return read
    fitted = fit.read_fitted(job.fit.folder(store))
    return transformed(read, job.fit.transform.plugin, fitted)


def remove_damaged(job: EncodeJob, store: Store) -> list[str]:
    """Remove damaged vectors; says which they were."""
    notes = []
    for place in job.places(store):
        if is_complete(place.folder) and not is_intact(place.folder):
            shutil.rmtree(place.folder)
            what = f"vectors of {place.shard.side} texts in {place.shard.language!r}"
            notes.append(f"{what} were damaged on disk, and are computed anew ({place.folder})")
    return notes
