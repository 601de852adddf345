"""Speed as ratios: what the shop does against a limit or a peer, measured in the same run on the same machine."""
