"""Other people's files become ours, and ours theirs, without running code from them."""
