"""What smbtorture prints, from short pieces of it."""

import pytest

from clients.lab.peers import torture

NBENCH = """
Starting 4 clients
   4        10  1.00 MB/sec  warmup   1 sec  latency 0.00 msec
   4       510  35.36 MB/sec  execute 1 sec  latency 0.00 msec
   4      1010  26.60 MB/sec  execute 2 sec  latency 0.00 msec
   4      1020  20.12 MB/sec  cleanup 3 sec

Throughput 20.1184 MB/sec
success: nbench
"""
CONTENTION = """
1.00 second: open[num/s=50,avslat=0.0003] close[num/s=49,avslat=0.0003]
2.00 second: open[num/s=70,avslat=0.0003] close[num/s=69,avslat=0.0003]
3.00 second: open[num/s=60,avslat=0.0003] close[num/s=60,avslat=0.0003]
success: path-contention-shared
"""


def test_bytes_and_lines_of_nbench():
    assert torture.Throughput(20.1184, 4 * 1000 / 2) == torture.nbench(NBENCH)


def test_opens_of_path_contention():
    assert 60 == torture.opens_per_s(CONTENTION)


@pytest.mark.parametrize("read", [torture.nbench, torture.opens_per_s])
@pytest.mark.parametrize("text", ["", "success: nbench", NBENCH + "\nfailure: x"])
def test_anything_else_is_not_understood(read, text):
    with pytest.raises(torture.NotUnderstood):
        read(text)
