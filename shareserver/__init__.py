"""The share server: real directories, real limits.

Read in this order: `shares` and `ledger` (what is counted), `admission` (the one way to a
slot), `handles` and `leases` (who has what open, and the server's promises), `accounts` (who
may), `receipts` (why not), `service` (one function per request), `breaking` and `teardown` (how
everything is taken and given back), `durable`, `replays`, `journal`, `restoring` and `grace`
(what outlives a link, and the server), `store` (the only room that touches the disk) and
`server` (listeners and links).
"""
