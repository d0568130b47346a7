"""Run an engine over several hosts: ``torchrun … -m workers.ranks CELERY-OPTIONS``.

Rank 0 becomes the Celery worker. The others serve its engine, one served revision after another.
They don't use the database, and read the model from the same path as rank 0.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

from django.conf import settings


def main() -> None:
    """Run this rank until the worker ends; exit with a failure's status, which torchrun reads."""
    from inference.distributed.launch import rank_of_torchrun

    if rank_of_torchrun() == 0:
        from workers.app import app

        app.worker_main(["worker", *sys.argv[1:]])
        return
    from inference.distributed.worker import work_under_torchrun

    sys.exit(
        work_under_torchrun(
            settings.ENGINE_TENSOR_PARALLEL_SIZE,
            settings.ENGINE_PIPELINE_PARALLEL_SIZE,
            settings.ENGINE_DEVICE,
            settings.ENGINE_RANK_TIMEOUT,
        )
    )


if __name__ == "__main__":
    main()
