"""Where things are: zones, nodes, addresses, streets."""
