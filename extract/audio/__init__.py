"""From a sound file to samples: decoding in another process, and its guards."""
