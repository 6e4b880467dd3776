"""The management API: routes by resource, request models, documents and the error map."""
