"""A notification, from the topic to its receiver: chats, webhooks, incident tools."""
