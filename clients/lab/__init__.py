"""The lab: start the processes, load them, say in numbers, words and pictures what happened.

`history` judges from the clients' side, `timeline` from the redirector's facts; `table`, `plot`
and `report` show both. Nothing here changes what the processes under test do.
"""
