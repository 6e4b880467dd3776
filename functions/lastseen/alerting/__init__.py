"""An alert, from the missed deadline to the topic."""
