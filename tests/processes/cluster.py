"""A Dask cluster of two processes on this machine, as a program that says when it is ready."""

import json
import signal
import threading

from distributed import LocalCluster


def main() -> None:
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        memory_limit=0,
    ) as cluster:
        print(json.dumps({"ready": True, "listening": [cluster.scheduler_address]}), flush=True)
        over.wait()


if __name__ == "__main__":
    main()
