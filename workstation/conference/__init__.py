"""The conference (音视频会议): what leaves the booth, the page that carries it, and clients of others."""
