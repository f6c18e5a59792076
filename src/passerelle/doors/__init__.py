"""One module per third party that matters: nothing else of passerelle imports it."""
