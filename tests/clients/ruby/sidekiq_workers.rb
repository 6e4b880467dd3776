# frozen_string_literal: true

# What the Sidekiq process of the tests runs: `sidekiq -r` this file. Settings come from the environment.

require "sidekiq"
require "sidekiq/api"
require "active_job"
require_relative "../../../clients/ruby/lastseen"

ActiveJob::Base.queue_adapter = :sidekiq
ActiveJob::Base.logger = Logger.new(IO::NULL)
Redis.silence_deprecations = true if Redis.respond_to?(:silence_deprecations=)

Sidekiq.configure_client { |c| c.redis = { url: ENV.fetch("REDIS_URL") } }
Sidekiq.configure_server do |c|
  c.redis = { url: ENV.fetch("REDIS_URL") }
  c.server_middleware { |m| m.add Lastseen::Sidekiq }
end

class SyncWorker
  include Sidekiq::Worker
  sidekiq_options lastseen: "sync", retry: 1
  def perform(what)
    case what
    when "good" then nil
    when "bad" then raise "no luck"
    when "hang" then sleep 60
    end
  end
end

class OnceWorker < SyncWorker
  sidekiq_options lastseen: { slug: "once", cron: "*/15 * * * *", tz: "Europe/Berlin", grace: 600 }, retry: false
end

class QuietWorker
  include Sidekiq::Worker
  def perform = Sidekiq.redis { |redis| redis.set("quiet", "done") }
end

class WrappedJob < ActiveJob::Base
  include Lastseen::Job
  lastseen "wrapped"
  def perform = nil
end
