"""The integer program: the only folder that knows PuLP, run in a process of its own."""
