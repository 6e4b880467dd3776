# frozen_string_literal: true

# Lastseen for Ruby: pings a Lastseen monitor when a job starts, ends, fails or is tried again.
#
# One file, standard library only: copy it to lib/lastseen.rb. Ruby 3.0 or newer; Active Job from 6.1, Sidekiq from 6.4.
# How to use it, and what it cannot see: docs/rails.md.
#
# Rules of this file:
# - A job never fails because of a ping. Whatever goes wrong on the way to the monitor is one warning in the log.
# - A job waits a known time at most: a start, a log or the end is given 5 s a try; only the end is tried again (3 tries).
# - The ping URL and the ping key are secrets: they are in no log, no error and no `inspect`.
# - An error is sent with its headline (class and message) first, where no shortening cuts it off.
# - "Success" is said only when the code came to its end. Anything else is a failure, or "to be continued" (log).

require "logger"
require "net/http"
require "securerandom"
require "socket"
require "uri"

# A heartbeat for background jobs: Lastseen.watch, Lastseen.ping, Lastseen::Job (Active Job), Lastseen::Sidekiq.
module Lastseen
  VERSION = "1.1.0"
  UUID = /\A\h{8}-\h{4}-\h{4}-\h{4}-\h{12}\z/
  SLUG = /\A[a-z0-9_-]{1,100}\z/
  KEY = /\A[A-Za-z0-9_-]+\z/
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
                  :body_limit,   # of what is longer, the beginning and the end are sent
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
      @enabled.nil? ? !Lastseen.trimmed(ping_url).empty? : @enabled
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
    #
    # `check`: settings with which the first ping makes the check; later they are ignored. `cron:` (five fields, or an
    # OnCalendar) and its `tz:`, or `every:`; `grace:`. Times are in seconds: 3600, 1.hour.
    def watch(slug, about: nil, on_error: ->(_) { :fail }, **check)
      made = Made.of(check)
      return yield(Silence) unless settings.enabled

      run = Run.new(slug, made: made)
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
    # `check`: as for `watch`.
    def ping(slug, signal = nil, body: nil, **check)
      made = Made.of(check)
      settings.enabled && Run.new(slug, rid: nil, made: made).deliver(signal, body)
    end

    # "Billing::NightlyReportJob" -> "billing-nightly-report-job"
    def slug_of(class_name)
      class_name.gsub("::", "-").gsub(/([a-z\d])([A-Z])/, '\1-\2').gsub(/([A-Z]+)([A-Z][a-z])/, '\1-\2').downcase
    end
  end

  class << self
    # A setting without what files and secrets often bring along: line ends, blanks, a byte order mark.
    def trimmed(text)
      text.to_s.dup.force_encoding("UTF-8").scrub("").delete("\uFEFF").strip
    end

    # A slug as messages show it. A whole UUID is a key; what is no slug may be a ping URL that was pasted in its place.
    def shown(slug)
      return "#{slug[0, 8]}..." if slug.match?(UUID)

      slug.match?(SLUG) ? slug : "a check"
    end
  end

  # The settings of a check that its first ping makes.
  module Made
    PARAMETERS = { cron: :schedule, tz: :tz, every: :timeout, grace: :grace }.freeze

    # {} or the parameters of pings that make such a check.
    def self.of(check)
      check = check.transform_keys(&:to_sym)
      unknown = check.keys - PARAMETERS.keys
      raise ArgumentError, "unknown: #{unknown.join(', ')}; use #{PARAMETERS.keys.join(', ')}" if unknown.any?
      raise ArgumentError, "cron and every exclude each other" if check[:cron] && check[:every]

      given = check.compact.to_h { |name, value| [PARAMETERS[name].to_s, value.is_a?(String) ? value : value.to_i.to_s] }
      given.empty? ? {} : { "create" => "1" }.merge(given)
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

    def initialize(slug, rid: SecureRandom.uuid, made: {})
      @slug = Lastseen.trimmed(slug)
      @rid = rid
      @made = made
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

    # Send the end, once: whoever comes first knows best. :log says that this run is over and will be tried again, as a
    # run of its own; :halted that nothing follows.
    def finish(signal, text = nil)
      return if @finished

      @finished = true
      over = { log: "again", halted: "1" }[signal]
      deliver(over ? :log : signal, text, over: over)
    end

    def finish_with_error(error, on_error:)
      if Message.stop?(error)
        finish(:log, "#{error.class}\ninterrupted: the process was told to stop, the job did not fail")
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
    def deliver(signal, body, over: nil)
      tries = %i[start log].include?(signal) && !over ? 1 : END_TRIES
      sent = over ? query.merge("over" => over) : query
      trouble = Wire.new(Lastseen.settings).deliver(@slug, signal, query: sent, body: body, tries: tries)
      return true unless trouble

      warn_once(signal, trouble)
      false
    rescue StandardError => e
      warn_once(signal, e.class.name)
      false
    end

    private

    def query
      { "rid" => @rid, "create" => (Lastseen.settings.create ? "1" : nil) }.compact.merge(@made)
    end

    def warn_once(signal, trouble)
      return if @away

      @away = true
      name = Lastseen.shown(@slug)
      Lastseen.settings.logger.warn("Lastseen: #{signal || 'success'} of #{name} not delivered: #{trouble}")
    rescue StandardError
      nil # a logger that fails must not fail the job
    end
  end

  # What is sent of an error: class and message, a note, the first lines of its backtrace.
  module Message
    module_function

    def of(error, note: nil)
      lines = ["#{error.class}: #{error.message}", *note, *Array(error.backtrace).first(BACKTRACE_LINES)]
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

  # A body that is too long: its beginning and its end in whole lines with a mark between, for errors stand at either.
  module Shortened
    HEAD_SHARE = 5 # a fifth of what is left is the beginning
    MARK_BYTES = 50 # at most

    def self.of(body, limit)
      body = body.to_s.b
      tail_limit = limit - (limit / HEAD_SHARE) - MARK_BYTES
      return body.byteslice(0, limit) if body.bytesize <= limit || tail_limit <= 0

      head = whole_lines_at_the_beginning(body.byteslice(0, limit / HEAD_SHARE))
      tail = whole_lines_at_the_end(body.byteslice(-tail_limit, tail_limit))
      left_out = (body.bytesize - head.bytesize - tail.bytesize).to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,')
      "#{head}#{"\n" unless head.end_with?("\n")}[... #{left_out} bytes left out ...]\n#{tail}".b
    end

    # A line that is too long is cut in its middle.
    def self.whole_lines_at_the_beginning(head)
      line_end = head.rindex("\n")
      line_end && line_end > head.bytesize / 2 ? head.byteslice(0, line_end + 1) : head
    end

    def self.whole_lines_at_the_end(tail)
      line_end = tail.index("\n")
      line_end && line_end < tail.bytesize / 2 ? tail.byteslice(line_end + 1, tail.bytesize) : tail
    end
  end

  # One ping on the wire.
  class Wire
    SENTENCE_CHARS = 200 # of the monitor's answer that is shown

    def initialize(settings)
      @settings = settings
    end

    # nil when the monitor took it, else what went wrong, without the URL. A start or a line of the log is sent once: a
    # late one is of no use, and the job waits. An end is tried three times; an answer that will not change (4xx) is final.
    def deliver(slug, signal, query:, body:, tries:)
      uri = address(slug, signal, query)
      return uri if uri.is_a?(String)

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
    def address(slug, signal, query)
      path = if slug.match?(UUID) then slug.downcase
             elsif !slug.match?(SLUG) then return "not a slug (a-z, 0-9, -, _) nor a UUID"
             elsif key.empty? then return "a slug needs ping_key, see LASTSEEN_PING_KEY"
             elsif !key.match?(KEY) then return "ping_key, see LASTSEEN_PING_KEY, is not a ping key"
             else "#{key}/#{slug}"
             end
      uri = URI(url)
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
      sender = Thread.new { post(uri, body) } # its value: status and answer
      sender.report_on_exception = false
      return ["no answer within #{limit} s", false] unless sender.join(limit)

      code, answer = sender.value
      (200..299).cover?(code) ? [nil, true] : ["HTTP #{code}#{sentence(answer)}", !WORTH_ANOTHER_TRY.include?(code)]
    rescue StandardError => e
      [e.class.name, false]
    ensure
      sender&.kill
    end

    def url
      Lastseen.trimmed(@settings.ping_url)
    end

    def key
      Lastseen.trimmed(@settings.ping_key)
    end

    # The first line of a refusal, which says what to change: printable, short, without secrets. A page has none.
    def sentence(answer)
      line = answer.to_s.dup.force_encoding("UTF-8").scrub.strip.lines.first.to_s
      [url.chomp("/"), key].reject(&:empty?).each { |secret| line = line.gsub(secret, "...") }
      line = line.gsub(/\h{8}(-\h{4}){3}-\h{12}/, "...").gsub(/[^[:print:]]/, "")[0, SENTENCE_CHARS]
      line.empty? || line.start_with?("<") ? "" : ": #{line}"
    end

    def limit
      [@settings.open_timeout, @settings.read_timeout].max
    end

    def post(uri, body)
      request = Net::HTTP::Post.new(uri, "Content-Type" => "text/plain; charset=utf-8",
                                         "User-Agent" => "lastseen-ruby/#{VERSION}")
      request.body = Shortened.of(body, @settings.body_limit)
      times = { open_timeout: @settings.open_timeout, read_timeout: @settings.read_timeout,
                write_timeout: @settings.read_timeout, max_retries: 0 }
      Net::HTTP.start(uri.host, uri.port, use_ssl: uri.scheme == "https", **times) do |http|
        answer = http.request(request)
        [answer.code.to_i, answer.body]
      end
    end
  end

  # Active Job: each try is a run.
  #
  #   class NightlyReportJob < ApplicationJob
  #     include Lastseen::Job
  #     lastseen "nightly-report"                     # on_retry: :fail reports every try that failed
  #   end
  #
  #   lastseen "nightly-report", cron: "30 4 * * *", tz: "Europe/Berlin", grace: 1.hour    # its first ping makes the check
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
      def lastseen(slug = nil, on_retry: :log, inherit: false, **check)
        slug = slug ? slug.to_s : Lastseen.slug_of(name)
        unless slug.match?(SLUG) || slug.match?(UUID) # not shown: it may be a ping URL
          raise ArgumentError, "what #{name || 'this job'} gives to lastseen is no slug: use a-z, 0-9, - and _"
        end
        raise ArgumentError, "on_retry is :log or :fail, not #{on_retry.inspect}" unless %i[log fail].include?(on_retry)

        Made.of(check) # raises here, where it is written
        @lastseen = { slug: slug, on_retry: on_retry, inherit: inherit, check: check }
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
      Lastseen.watch(options[:slug], about: about, **options[:check]) do |run|
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
      signal, note = lastseen_signal(try, on_retry)
      [signal, try.error ? Message.of(try.error, note: note) : note]
    end

    def lastseen_signal(try, on_retry)
      if try.retried then [try.error ? on_retry : :log, "will be tried again"]
      elsif Message.stop?(try.error) then [:log, "interrupted"]
      elsif try.error then [:fail, "given up: discarded, or no try is left"]
      elsif try.ended then [nil, nil]
      else [:halted, "halted before it was performed (throw :abort): neither a success nor a failure"]
      end
    end
  end

  # Sidekiq's server middleware. A worker opts in by name: `sidekiq_options lastseen: "sync"`, or
  # `sidekiq_options lastseen: { slug: "sync", cron: "*/15 * * * *", tz: "Europe/Berlin", grace: 600 }`.
  #
  #   Sidekiq.configure_server { |c| c.server_middleware { |m| m.add Lastseen::Sidekiq } }
  class Sidekiq
    DEFAULT_RETRIES = 25

    # on_retry: :fail reports every try that failed.
    def initialize(options = {})
      @on_retry = options.fetch(:on_retry, :log)
    end

    def call(worker, job, _queue, &block)
      slug, check = watched(worker, job)
      return yield if !slug || watched_by_active_job?(job)

      about = "jid=#{job['jid']} attempt=#{tries_before(job) + 1} host=#{Socket.gethostname}"
      on_error = ->(_) { last_try?(worker, job) ? :fail : @on_retry }
      Lastseen.watch(slug, about: about, on_error: on_error, **check) { block.call }
    end

    private

    # The slug, and the settings of the check that its first ping makes. Through Redis, symbols come as strings.
    def watched(worker, job)
      option = job.fetch("lastseen") { class_options(worker)["lastseen"] }
      check = option.is_a?(Hash) ? option.transform_keys(&:to_sym) : { slug: option }
      slug = check.delete(:slug)
      [slug == true || (slug.nil? && check.any?) ? Lastseen.slug_of(job["class"]) : slug, check]
    end

    def class_options(worker)
      worker.class.respond_to?(:get_sidekiq_options) ? worker.class.get_sidekiq_options : {}
    end

    # Under Active Job's adapter Sidekiq performs a wrapper; a job that includes Lastseen::Job pings by itself.
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
