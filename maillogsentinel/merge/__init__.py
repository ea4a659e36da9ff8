"""Several servers' CSVs made into one: what each row says, in which order, and which copy of a record counts."""
