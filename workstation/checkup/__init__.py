"""The check-up of a booth (自检, 工位体检): every device, unattended; a signed report and its keeping. No Qt."""
