"""Write a converted checkpoint: shards, manifest and the files that go along with them."""
