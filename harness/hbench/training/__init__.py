"""What the train stage is made of: recipe, batches, gradients, processes, checkpoints, the loop."""
