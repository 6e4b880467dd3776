#!/bin/sh
# What the tests of the clients need beside Python, from Debian's own packages. CI runs it; it needs root.
# Never the metapackage `rails`: its Node.js packages conflict with a Node.js from elsewhere.
set -eu
apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  curl wget ruby ruby-activejob ruby-railties ruby-sidekiq redis-server
