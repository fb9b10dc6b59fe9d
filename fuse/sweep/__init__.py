"""Search over settings by their validation CCC; test parts are not read."""
