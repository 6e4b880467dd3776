"""A ping, from request to answer. Everything that it imports is paid for by each cold start: keep it light."""
