"""Speed, memory and accuracy, side by side with the peers."""
