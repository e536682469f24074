"""The HTML door: checkout, confirmation, mailbox."""
