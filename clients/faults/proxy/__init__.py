"""A wire between real processes: whoever dials the proxy is led to where the wire leads."""
