# frozen_string_literal: true

# Lastseen for Ruby: tells a Lastseen monitor when a job starts, ends, fails or is tried again.
#
# One file, standard library only: copy it to lib/lastseen.rb. Ruby 3.0 or newer; Active Job from 6.1, Sidekiq from 6.4.
# How to use it, and what it cannot see: docs/rails.md.
#
# Rules of this file:
# - A job never fails because of a ping. Whatever goes wrong on the way to the monitor is one warning in the log.
# - A job waits a known time at most: a start, a log or the end is given 5 s a try; only the end is tried again (3 tries).
# - The ping URL and the ping key are secrets: they are in no log, no error and no `inspect`.
# - "Success" is said only when the code came to its end. Anything else is a failure, or "to be continued" (log).

require "logger"
require "net/http"
require "securerandom"
require "socket"
require "uri"

# A heartbeat for background jobs: Lastseen.watch, Lastseen.ping, Lastseen::Job (Active Job), Lastseen::Sidekiq.
module Lastseen
  VERSION = "1.0.0"
  UUID = /\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/
  SLUG = /\A[a-z0-9_-]{1,100}\z/
  BACKTRACE_LINES = 20
  END_TRIES = 3
  WORTH_ANOTHER_TRY = [408, 425, 429, *500..599].freeze
  # Raised by an orderly stop of the process; the job goes on elsewhere or later. By name: neither library need be loaded.
  STOPS = %w[Sidekiq::Job::Interrupted ActiveJob::Continuation::Interrupt].freeze

  # What can be set, with its defaults. Durations are in seconds, sizes in bytes.
  class Settings
    attr_accessor :ping_url,     # "https://.../ping"; default: the environment's LASTSEEN_PING_URL
                  :ping_key,     # needed for slugs, not for UUIDs; default: LASTSEEN_PING_KEY
                  :create,       # true: a slug's first ping creates its check
                  :open_timeout, # to connect
                  :read_timeout, # for one try of one ping, connecting included
                  :retry_pause,  # before the end's second try; twice that before the third
                  :body_limit,   # of a message: the rest is cut off
                  :filter        # ->(text) { text }: takes personal data out of messages before they leave
    attr_writer :enabled, :logger

    def initialize
      @ping_url = ENV.fetch("LASTSEEN_PING_URL", nil)
      @ping_key = ENV.fetch("LASTSEEN_PING_KEY", nil)
      @create = false
      @open_timeout = 2
      @read_timeout = 5
      @retry_pause = 0.5
      @body_limit = 10_000
      @filter = ->(text) { text }
    end

    # Unless it is set: true when there is a URL to ping, so tests and development send nothing.
    def enabled
      @enabled.nil? ? !ping_url.to_s.empty? : @enabled
    end

    def logger
      @logger || (defined?(::Rails.logger) && ::Rails.logger) || (@stderr ||= Logger.new($stderr, progname: "lastseen"))
    end

    def inspect
      "#<Lastseen::Settings enabled=#{enabled}>" # URL and key are secrets
    end
  end

  class << self
    def settings
      @settings ||= Settings.new
    end

    def configure
      yield settings
    end

    # Watch a block: start, then success with the block's value, or failure with the error, which goes on unchanged.
    #
    #   Lastseen.watch("nightly-report") { |run| run.log "halfway" }
    def watch(slug, about: nil, on_error: ->(_) { :fail })
      return yield(Silence) unless settings.enabled

      run = Run.new(slug)
      begin
        run.start(about)
        value = yield run
        ended = true
        value
      rescue Exception => e # rubocop:disable Lint/RescueException -- SystemExit and NoMemoryError end jobs, too
        run.finish_with_error(e, on_error: on_error)
        raise
      ensure
        ended ? run.finish(nil) : run.left_early
      end
    end

    # Send one ping; true when the monitor took it. Signal: nil (success), :start, :log, :fail or an exit status.
    def ping(slug, signal = nil, body: nil)
      settings.enabled && Run.new(slug, rid: nil).deliver(signal, body)
    end

    # "Billing::NightlyReportJob" -> "billing-nightly-report-job"
    def slug_of(class_name)
      class_name.gsub("::", "-").gsub(/([a-z\d])([A-Z])/, '\1-\2').gsub(/([A-Z]+)([A-Z][a-z])/, '\1-\2').downcase
    end
  end

  # What a watched block gets while pings are off.
  module Silence
    def self.log(_text) = false
    def self.rid = nil
  end

  # One try of one job: its run id ties the start to its end.
  class Run
    attr_reader :rid

    def initialize(slug, rid: SecureRandom.uuid)
      @slug = slug.to_s
      @rid = rid
      @finished = false
      @away = false
    end

    def start(about)
      deliver(:start, about)
    end

    # Send a line to the check's log at once. Once the monitor was away in this run, lines are dropped: no more waiting.
    def log(text)
      !@away && deliver(:log, text)
    end

    # Send the end, once: whoever comes first knows best.
    def finish(signal, text = nil)
      return if @finished

      @finished = true
      deliver(signal, text)
    end

    def finish_with_error(error, on_error:)
      if Message.stop?(error)
        finish(:log, "interrupted (#{error.class}): the process was told to stop, the job did not fail")
      elsif error.is_a?(SystemExit)
        finish(error.status, "exit #{error.status}")
      else
        finish(on_error.call(error), Message.of(error))
      end
    end

    # The block ended without coming to its end, and without an error that one could see: return, break, throw, a
    # Timeout around it (a throw on Ruby 3.1) or a killed thread. Threads that end with their process come here, too,
    # but a process that ends makes no thread any more: nothing is sent, and a deploy is no failure.
    def left_early
      finish(:fail, "left early: return, break, throw, a time-out around the job, or its thread was killed")
    end

    # True when the monitor took the ping. Never raises; bounded in time.
    def deliver(signal, body)
      trouble = Wire.new(Lastseen.settings).deliver(@slug, signal, rid: @rid, body: body)
      return true unless trouble

      warn_once(signal, trouble)
      false
    rescue StandardError => e
      warn_once(signal, e.class.name)
      false
    end

    private

    def warn_once(signal, trouble)
      return if @away

      @away = true
      name = @slug.match?(UUID) ? "#{@slug[0, 8]}..." : @slug # a whole UUID is a key
      Lastseen.settings.logger.warn("Lastseen: #{signal || 'success'} of #{name} not delivered: #{trouble}")
    rescue StandardError
      nil # a logger that fails must not fail the job
    end
  end

  # What is told of an error.
  module Message
    module_function

    def of(error)
      lines = ["#{error.class}: #{error.message}", *Array(error.backtrace).first(BACKTRACE_LINES)]
      Lastseen.settings.filter.call(lines.map { |line| line.dup.force_encoding("UTF-8").scrub }.join("\n"))
    rescue StandardError # of #message, or of the filter: then nothing that may be personal is sent
      error.class.name
    end

    # Is the process told to stop? A deploy is no failure, even where a library has wrapped the signal in its own error.
    def stop?(error)
      12.times do # causes can be circular
        return false if error.nil?
        return true if error.is_a?(SignalException) || STOPS.include?(error.class.name)
        return error.success? if error.is_a?(SystemExit)

        error = error.cause
      end
      false
    end
  end

  # One ping on the wire.
  class Wire
    def initialize(settings)
      @settings = settings
    end

    # nil when the monitor took it, else what went wrong, without the URL. A start or a log is sent once: a late one is
    # of no use, and the job waits. An end is tried three times; an answer that will not change (4xx) is final.
    def deliver(slug, signal, rid:, body:)
      uri = address(slug, signal, rid)
      return uri if uri.is_a?(String)

      tries = %i[start log].include?(signal) ? 1 : END_TRIES
      trouble = nil
      tries.times do |n|
        sleep(@settings.retry_pause * n) if n.positive?
        trouble, final = attempt(uri, body)
        break if final
      end
      trouble
    end

    private

    # A URI, or a text that says why there is none.
    def address(slug, signal, rid)
      path = if slug.match?(UUID) then slug.downcase
             elsif !slug.match?(SLUG) then return "not a slug (a-z, 0-9, -, _) nor a UUID"
             elsif @settings.ping_key.to_s.empty? then return "a slug needs ping_key, see LASTSEEN_PING_KEY"
             else "#{@settings.ping_key}/#{slug}"
             end
      query = { "rid" => rid, "create" => (@settings.create ? "1" : nil) }.compact
      uri = URI(@settings.ping_url.to_s)
      return "ping_url is not an http(s) URL" unless uri.is_a?(URI::HTTP) && !uri.host.to_s.empty?

      uri.path = [uri.path.chomp("/"), path, signal].compact.join("/")
      uri.query = URI.encode_www_form(query) unless query.empty?
      uri
    rescue URI::Error
      "ping_url is not an http(s) URL" # the error's text holds the URL: it is dropped
    end

    # [trouble, final]. In a thread, because Net::HTTP's limits are per read: a receiver that sends a byte at a time,
    # or a name server that does not answer, would hold the job for minutes.
    def attempt(uri, body)
      sender = Thread.new { post(uri, body) }
      sender.report_on_exception = false
      return ["no answer within #{limit} s", false] unless sender.join(limit)

      code = sender.value
      (200..299).cover?(code) ? [nil, true] : ["HTTP #{code}", !WORTH_ANOTHER_TRY.include?(code)]
    rescue StandardError => e
      [e.class.name, false]
    ensure
      sender&.kill
    end

    def limit
      [@settings.open_timeout, @settings.read_timeout].max
    end

    def post(uri, body)
      request = Net::HTTP::Post.new(uri, "Content-Type" => "text/plain; charset=utf-8",
                                         "User-Agent" => "lastseen-ruby/#{VERSION}")
      request.body = body.to_s.b.byteslice(0, @settings.body_limit)
      times = { open_timeout: @settings.open_timeout, read_timeout: @settings.read_timeout,
                write_timeout: @settings.read_timeout, max_retries: 0 }
      Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", **times) do |http|
        http.request(request).code.to_i
      end
    end
  end

  # Active Job: each try is a run.
  #
  #   class NightlyReportJob < ApplicationJob
  #     include Lastseen::Job
  #     lastseen "nightly-report"                     # on_retry: :fail tells of every try that failed
  #   end
  #
  # `retry_on` and `discard_on` act outside the callbacks, so a callback cannot tell a retry from the last try. What
  # Active Job decides is seen here in the calls that it makes: perform_now, run_callbacks, rescue_with_handler, retry_job.
  module Job
    def self.included(base)
      base.extend(Macro)
    end

    # The class methods of a watched job.
    module Macro
      # inherit: true watches the subclasses, too, under the same slug; else a subclass has to say `lastseen` itself.
      def lastseen(slug = nil, on_retry: :log, inherit: false)
        slug = slug ? slug.to_s : Lastseen.slug_of(name)
        raise ArgumentError, "#{slug.inspect} is no slug: use a-z, 0-9, - and _" unless slug.match?(SLUG) || slug.match?(UUID)
        raise ArgumentError, "on_retry is :log or :fail, not #{on_retry.inspect}" unless %i[log fail].include?(on_retry)

        @lastseen = { slug: slug, on_retry: on_retry, inherit: inherit }
      end

      def lastseen_options(heir: false)
        own = @lastseen if @lastseen && (!heir || @lastseen[:inherit])
        own || (superclass.lastseen_options(heir: true) if superclass.respond_to?(:lastseen_options))
      end
    end

    # What Active Job did with this try.
    Try = Struct.new(:ended, :error, :retried)

    def perform_now
      options = self.class.lastseen_options
      return super unless options && Lastseen.settings.enabled

      try = @lastseen_try = Try.new
      about = "job_id=#{job_id} attempt=#{(executions || 0) + 1} host=#{Socket.gethostname}"
      Lastseen.watch(options[:slug], about: about) do |run|
        value = super
        run.finish(*lastseen_verdict(try, options[:on_retry]))
        value
      end
    end

    def run_callbacks(kind, ...)
      return super unless kind == :perform && @lastseen_try

      try = @lastseen_try
      super(kind) do
        value = yield
        try.ended = true
        value
      rescue StandardError => e
        try.error = e
        raise
      end
    end

    def rescue_with_handler(error)
      @lastseen_try.error = error if @lastseen_try
      super
    end

    def retry_job(...)
      queued = super
      @lastseen_try.retried = true if @lastseen_try && queued != false
      queued
    end

    private

    # Active Job came back without an error: what does that mean?
    def lastseen_verdict(try, on_retry)
      text = try.error && Message.of(try.error)
      if try.retried then [try.error ? on_retry : :log, "will be tried again. #{text}"]
      elsif Message.stop?(try.error) then [:log, "interrupted. #{text}"]
      elsif try.error then [:fail, "given up: discarded, or no try is left. #{text}"]
      elsif try.ended then [nil]
      else [:log, "halted before it was performed (throw :abort): neither a success nor a failure"]
      end
    end
  end

  # Sidekiq's server middleware. A worker opts in by name: `sidekiq_options lastseen: "sync"`.
  #
  #   Sidekiq.configure_server { |c| c.server_middleware { |m| m.add Lastseen::Sidekiq } }
  class Sidekiq
    DEFAULT_RETRIES = 25

    # on_retry: :fail tells of every try that failed.
    def initialize(options = {})
      @on_retry = options.fetch(:on_retry, :log)
    end

    def call(worker, job, _queue, &block)
      slug = slug_of(worker, job)
      return yield if !slug || watched_by_active_job?(job)

      about = "jid=#{job['jid']} attempt=#{tries_before(job) + 1} host=#{Socket.gethostname}"
      on_error = ->(_) { last_try?(worker, job) ? :fail : @on_retry }
      Lastseen.watch(slug, about: about, on_error: on_error) { block.call }
    end

    private

    def slug_of(worker, job)
      slug = job.fetch("lastseen") { class_options(worker)["lastseen"] }
      slug == true ? Lastseen.slug_of(job["class"]) : slug
    end

    def class_options(worker)
      worker.class.respond_to?(:get_sidekiq_options) ? worker.class.get_sidekiq_options : {}
    end

    # Under Active Job's adapter Sidekiq performs a wrapper; a job that includes Lastseen::Job tells of itself.
    def watched_by_active_job?(job)
      klass = job["wrapped"] && Object.const_get(job["wrapped"].to_s)
      klass.respond_to?(:lastseen_options) && klass.lastseen_options
    rescue NameError
      false
    end

    # Sidekiq sets retry_count when the first try has failed: to 0.
    def tries_before(job)
      job["retry_count"] ? job["retry_count"] + 1 : 0
    end

    # The decision of Sidekiq's own retry (a `sidekiq_retry_in` that answers :kill or :discard comes later and is not seen).
    def last_try?(worker, job)
      retries = job.fetch("retry") { class_options(worker)["retry"] }
      return true unless retries
      return too_old?(job) if job["retry_for"]

      tries_before(job) >= (retries.is_a?(Integer) ? retries : max_retries)
    end

    def too_old?(job)
      failed_at = job["failed_at"] or return false
      failed_at /= 1000.0 if failed_at > 100_000_000_000 # Sidekiq 8 counts milliseconds
      Time.now.to_f - failed_at > job["retry_for"]
    end

    def max_retries
      config = ::Sidekiq.respond_to?(:default_configuration) ? ::Sidekiq.default_configuration : ::Sidekiq.options
      config[:max_retries] || DEFAULT_RETRIES
    end
  end
end
