"""The expert's journey: what happens next. Pure: no Qt, no input or output, no clock (time is an event)."""
