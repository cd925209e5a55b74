"""What makes the shipped weights, their tables and their ablation."""
