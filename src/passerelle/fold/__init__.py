"""Several records that tell one story, as one record; and where the versions of every key lie."""
