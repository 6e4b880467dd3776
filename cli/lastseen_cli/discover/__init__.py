"""`lastseen discover`: jobs that a host, a file or a manifest already has, as checks, and the jobs put under watch.

    jobs.py        values: a job, what is to be said of a line, a proposal
    crontab.py     crontabs, and what whenever writes;  wrapping.py  a command of cron put under watch, and back
    systemd.py     timers and their services
    kubernetes.py  manifests of CronJobs
    naming.py      what to call a job;  proposing.py  the check that it comes to
    places.py      where texts come from and go to: files, stdin, this host; with a backup
    work.py        what is common to all: ask the API, show, do;  commands.py  the commands

Readers and proposals are pure: text in, values out. Only places.py reads and writes.
"""
