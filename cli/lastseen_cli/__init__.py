"""The `lastseen` command. This file stays empty of imports: `lastseen exec` starts as quickly as Python does."""
