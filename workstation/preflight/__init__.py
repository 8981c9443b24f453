"""The pre-flight (主场预检): whether a booth would get into a main site tomorrow, found out today."""
