"""Whether Lastseen itself hears its jobs, and whether people hear Lastseen."""
