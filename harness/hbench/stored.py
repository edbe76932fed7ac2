"""The vectors that jobs stored, for those that need them."""

from collections.abc import Callable
from functools import partial

from hbench.corpus import Corpus
from hbench.jobs import EncodeJob, RankJob
from hbench.manifests import check_all
from hbench.pools import ReadVectors
from hbench.records import Side
from hbench.stages import fit
from hbench.store import Store
from hbench.vectors import StoredRows, transformed


def stored_vectors(job: EncodeJob, store: Store) -> Callable[[Side, str], StoredRows]:
    """Reads the stored vectors of a side and language.

    Raises:
        Damaged: some are not what was stored.
    """
    corpus = Corpus(job.data.folder(store))
    folders = [place.folder for place in job.places(store)]
    check_all(folders)
    return partial(StoredRows.of, corpus, folders)


def ranked_vectors(job: RankJob, store: Store) -> ReadVectors:
    """Reads the vectors that a system is ranked by, its transform applied."""
    read = stored_vectors(job.vectors, store)
    if job.fit is None:
        return read
    fitted = fit.read_fitted(job.fit.folder(store))
    return transformed(read, job.fit.transform.plugin, fitted)
