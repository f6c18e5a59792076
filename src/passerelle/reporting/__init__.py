"""What a person reads at the end: sums, continuity, quality. Same inputs, same bytes."""
