"""The clock-and-queue door: runs jobs."""
