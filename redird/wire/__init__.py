"""The protocol all processes speak: bytes, frames, messages, and one link over one stream."""
