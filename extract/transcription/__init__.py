"""Speech recognition and voice activity detection: transcripts and speech segments."""
