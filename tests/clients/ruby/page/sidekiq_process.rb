# frozen_string_literal: true

# What the Sidekiq process of the page's tests runs: `sidekiq -r` this file, in the folder of the page's files.

require "sidekiq"
require "sidekiq-cron"

Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)
Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch("REDIS_URL") } }
Sidekiq.configure_server { |config| config.redis = { url: ENV.fetch("REDIS_URL") } }
%w[config/initializers/lastseen app/workers/sync_worker config/initializers/sidekiq config/initializers/sidekiq_cron].each do |file|
  require File.join(Dir.pwd, file) unless file.end_with?("sidekiq_cron") && ENV["NO_CRON"]
end
