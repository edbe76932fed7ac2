"""The kinds of jobs: what each needs, the key under which its result is stored, and where.

A key is a hash of everything that can change the outcome: options, plugin and stage versions, data
fingerprints, seeds, device class and threads. Library versions are in the manifest instead.
"""

from hbench.jobs.base import Job
from hbench.jobs.evaluate import EncodeJob, FitJob, RankJob, ScoreJob
from hbench.jobs.leakage import LeakageJob
from hbench.jobs.train import DataJob, TrainJob

__all__ = ["DataJob", "EncodeJob", "FitJob", "Job", "LeakageJob", "RankJob", "ScoreJob", "TrainJob"]
