"""Stage 3 past memory and past one machine: sources, shards, a cluster, a transformer."""
