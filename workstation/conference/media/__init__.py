"""The media process: camera and microphone go in, what may leave the booth comes out (mask, voice change, gate)."""
