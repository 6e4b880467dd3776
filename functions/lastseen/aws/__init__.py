"""The doors to AWS beside the tables: the signing client of a ping, topic, queues, and the gateway's events."""
