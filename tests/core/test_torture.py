"""What peers print, from short pieces of it."""

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
TCON = """
4 connections/sec
5 connections/sec
0 connections/sec
TOTAL: 3 connections/sec over 2 secs
success: bench-tcon
"""
DBENCH = """
 Flush             63     3.015    10.964

Throughput 16.75 MB/sec  1 clients  1 procs  max_latency=27.488 ms
"""


def test_bytes_and_lines_of_nbench():
    assert torture.Throughput(20.1184, 4 * 1000 / 2) == torture.nbench(NBENCH)


def test_opens_of_path_contention():
    assert 60 == torture.opens_per_s(CONTENTION)


def test_connections_are_those_of_all_seconds():
    assert 9 == torture.connections(TCON)


def test_the_last_word_of_dbench():
    assert 16.75 == torture.mb_per_s(DBENCH)


READERS = [torture.nbench, torture.opens_per_s, torture.connections, torture.mb_per_s]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", ["", "success: nbench", NBENCH + "\nfailure: x"])
def test_anything_else_is_not_understood(read, text):
    with pytest.raises(torture.NotUnderstood):
        read(text)


def test_at_which_line_a_load_file_ended():
    text = "[7] Error: x\n[7] client 0 exiting with status 1\n"
    torture.ended_at(text, 7)
    for told in (text.replace("7", "6"), "", text + text):
        with pytest.raises(torture.NotUnderstood):
            torture.ended_at(told, 7)
