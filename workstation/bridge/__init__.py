"""Between the device threads and the GUI thread: worker events become signals, effects become calls.

Signals cross threads only into bound methods of QObjects that live in the GUI thread: on PySide6 a lambda or a
partial connected to a worker's signal runs in the worker, even queued.
"""
