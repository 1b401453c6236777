"""What the redirector keeps and tells from memory, under leases.

Data in `cache`, by `reading` and `writing`; what is not sent yet in `deferred`, by `flushing`;
attributes by `attributes`; names in `names`, by `folders` and `exploring`; what the kernels
above us were told in `promises`.
"""
