"""Record to person, event to follow-up: statements with evidence that can be undone."""
