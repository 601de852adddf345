"""What the shop writes: an outbox filled in the transaction that has something to say, sent by the worker."""
