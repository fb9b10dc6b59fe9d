"""The small encoders that come with the project, and what they were made from."""
