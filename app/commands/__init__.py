"""What `lastlap` does, a file for each kind of thing; `app/cli.py` names them."""
