"""The tasks of ConCluGen, in the order that they are shown in."""

TASKS = ("contrastive", "clustering", "reconstruction")
