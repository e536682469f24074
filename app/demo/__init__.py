"""The demo city and the seed that a first start loads."""
