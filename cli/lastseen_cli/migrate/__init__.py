"""`lastseen migrate`: checks of another service, brought here with the URLs that their jobs ping.

    healthchecks.py  what a project of Healthchecks says, as settings of checks here, and what does not fit
    source.py        where that comes from: the API of Healthchecks, or a file
    work.py          what it comes to here: plan, show, ask, do;  commands.py  the commands

healthchecks.py is pure: documents in, values out. Only source.py asks the other service.
"""
