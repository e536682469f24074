"""What operators must know of: raised once per cause, told by mail once, acknowledged by one of them."""
