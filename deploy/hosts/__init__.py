"""Machines of other kinds, emulated by QEMU: built from packages and sources, and run.

A host has a name: `native` (this machine), `alpha` (its processor and its system calls, on this
machine's kernel, network and files), `alpha-system` (a whole machine).
"""
