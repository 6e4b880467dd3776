"""The dashboard's pages: values in, HTML out.

views.py turns checks, pings and flips into what a page shows, phrases.py into words, render.py into HTML with the files
in templates/. Nothing here knows a clock, a store, a cookie or HTTP: those are api/web/.
"""
