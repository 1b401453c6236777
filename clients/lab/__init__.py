"""The lab: start the processes, load them, say in numbers, words and pictures what happened.

Rooms, each with the command it is for: `reproduction` (reproduce), `swarming` (swarm; its
sessions are in `clients.swarm`), `compare`, `theory` (plan, oracle), `cards`, `replaying`
(replay), `bench` and `peers` (other people's programs beside ours). `staging` is the whole path
in one process, in virtual time; `daemons` is both daemons as processes. `history` judges from
the clients' side, `timeline` from the redirector's facts, `plot` draws them, `page` frames a
report. Nothing here changes what
the processes under test do.
"""
