"""Starting child processes, and making sure that none of them outlives the launch."""
