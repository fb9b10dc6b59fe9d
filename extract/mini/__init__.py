"""Small encoders that come with the project, and scripts that make their data."""
