"""The operator's pages: the calendar and its blackouts, pools with their fill, and the ledger of each."""
