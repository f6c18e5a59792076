"""One module per step, never changed once it was released."""
