"""Conference clients that are programs of their own: started, placed, watched and ended by the booth."""
