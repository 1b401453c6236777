"""A NetBench load file, played by session clients, every status compared with the file's."""
