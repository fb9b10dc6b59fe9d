"""How fast fine-tuning is, and what memory it takes, beside an ordinary loop."""
