# What the steps that compile for Alpha share.
target=alpha-linux-gnu

# -mieee: without it a NaN or an infinity ends the program. -fPIC: the libraries go into Python's
# modules, which are shared objects.
target_cflags="-O2 -mieee -fPIC"
