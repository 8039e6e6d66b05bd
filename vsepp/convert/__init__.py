"""Other people's files become ours, and ours theirs."""
