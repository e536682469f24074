"""What breaks promises, and how they are kept all the same."""
