"""One function per request, named as the request; `dispatch` finds it.

A function takes (state, peer, request) and returns the reply, or a coroutine that will, when
the work may have to wait: for a lease break, a slot, a disk. `Refused` is the way to say no.
"""
