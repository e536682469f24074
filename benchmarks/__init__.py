"""What is measured, and how: ratios from interleaved runs, never a bare time."""
