"""Faults, written once and injected anywhere: one small file each, against a field.

`field` is what a fault may touch (wires, programs, disks, clocks); `kinds/` are the faults;
`toxics` is what may happen to the frames of a wire, and `lane` makes it happen; `schedule` says
when which fault comes; `proxy/` is a wire between real processes.
"""
