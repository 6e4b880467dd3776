"""The dashboard over HTTP: session.py says who looks, forms.py what a form brings, routes.py what is shown."""
