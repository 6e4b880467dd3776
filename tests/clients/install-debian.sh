#!/bin/sh
# What the tests of the clients need beside Python, from Debian's own packages. CI runs it; it needs root.
# Never the metapackage `rails`: its Node.js packages conflict with a Node.js from elsewhere.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  busybox cron curl redis-server ruby ruby-activejob ruby-railties ruby-sidekiq ruby-sidekiq-cron ruby-whenever \
  shellcheck systemd wget
