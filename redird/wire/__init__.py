"""The protocol all processes speak: bytes to frames to messages, and one link over one stream."""
