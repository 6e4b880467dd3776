# frozen_string_literal: true

# Lastseen::Sidekiq in a real Sidekiq process on a real Redis.

require_relative "helper"
require "tmpdir"

# A Redis of our own and, around each test, a Sidekiq process; both are ended by their process ids.
module Worker
  FILE = File.expand_path("sidekiq_workers.rb", __dir__)

  def self.redis
    @redis ||= begin
      port = TCPServer.open("127.0.0.1", 0) { |server| server.addr[1] }
      pid = spawn("redis-server", "--port", port.to_s, "--bind", "127.0.0.1", "--save", "", "--dir", Dir.tmpdir, out: IO::NULL)
      Minitest.after_run { stop("KILL", pid) }
      await(port)
      "redis://127.0.0.1:#{port}/0"
    end
  end

  def self.await(port)
    100.times do
      return TCPSocket.new("127.0.0.1", port).close
    rescue SystemCallError
      sleep 0.05
    end
    raise "redis-server did not start"
  end

  def self.start(ping_url)
    env = { "LASTSEEN_PING_URL" => ping_url, "LASTSEEN_PING_KEY" => Receiver::KEY, "REDIS_URL" => redis }
    spawn(env, "sidekiq", "-r", FILE, "-c", "2", "-t", "3", out: IO::NULL, err: IO::NULL)
  end

  def self.stop(signal, pid)
    Process.kill(signal, pid)
    Process.wait(pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end
end

ENV["REDIS_URL"] = Worker.redis
require_relative "sidekiq_workers"

class SidekiqTest < LastseenTest
  def setup
    super
    Sidekiq.redis(&:flushdb)
    @pid = Worker.start(@receiver.url)
  end

  def teardown
    Worker.stop("KILL", @pid)
    super
  end

  def test_a_worker_can_say_its_schedule_for_the_check_that_its_first_ping_makes
    OnceWorker.perform_async("good")
    wait_until { @receiver.signals("once") == %w[start success] }
    made = { "create" => "1", "schedule" => "*/15 * * * *", "tz" => "Europe/Berlin", "grace" => "600" }
    assert_equal [made, made], @receiver.pings.map { |ping| ping.query.except("rid") }
  end

  def test_one_worker_process_tells_all_kinds_of_ends
    SyncWorker.perform_async("good")
    wait_until { signals == %w[start success] }
    assert_match(/\Ajid=\h{24} attempt=1 host=/, @receiver.pings.first.body)

    # with a try left: a log line; the last try: a failure; each try is a run of its own
    SyncWorker.perform_async("bad")
    wait_until { signals.last == "log" && Sidekiq::RetrySet.new.size == 1 }
    Sidekiq::RetrySet.new.each(&:add_to_queue) # `retry`, as in the web page, would give back the try
    wait_until { signals.last == "fail" }
    assert_equal %w[start success start log start fail], signals
    assert_match(/RuntimeError: no luck/, last.body)
    assert_equal %w[1 1 2], @receiver.pings.filter_map { |ping| ping.body[/attempt=(\d)/, 1] }
    assert_equal 3, @receiver.pings.map { |ping| ping.query["rid"] }.uniq.size

    # retry: false is the last try at once
    OnceWorker.perform_async("bad")
    wait_until { @receiver.signals("#{Receiver::KEY}/once") == %w[start fail] }

    # who does not opt in is not watched; a job under Active Job's wrapper is pinged once
    QuietWorker.perform_async
    WrappedJob.perform_later
    wait_until { @receiver.signals("#{Receiver::KEY}/wrapped") == %w[start success] }
    wait_until { Sidekiq.redis { |redis| redis.get("quiet") } }
    assert_equal 10, signals.size
  end

  def test_a_deploy_puts_the_job_back_and_is_no_failure
    SyncWorker.perform_async("hang")
    wait_until { signals == %w[start] }
    Process.kill("TERM", @pid)
    Process.wait(@pid)
    assert_equal %w[start log], signals
    assert_match(/\ASidekiq::Shutdown\ninterrupted: /, last.body)
    assert_equal 1, Sidekiq::Queue.new.size
  end

  def test_a_killed_worker_sends_a_start_and_nothing_else
    SyncWorker.perform_async("hang")
    wait_until { signals == %w[start] }
    Worker.stop("KILL", @pid)
    assert_equal %w[start], signals
  end
end

# What Sidekiq will do with a try, asked of the middleware as Sidekiq asks it.
class SidekiqDecisionTest < LastseenTest
  def outcome(job, options = {})
    assert_raises(RuntimeError) do
      Lastseen::Sidekiq.new(options).call(SyncWorker.new, { "lastseen" => "sync", "jid" => "j" }.merge(job), "default") { raise "x" }
    end
    signals.last
  end

  def test_the_last_try_is_the_one_after_which_sidekiq_gives_up
    assert_equal "log", outcome("retry" => true)
    assert_equal "log", outcome("retry" => true, "retry_count" => 23)
    assert_equal "fail", outcome("retry" => true, "retry_count" => 24)
    assert_equal "log", outcome("retry" => 2, "retry_count" => 0)
    assert_equal "fail", outcome("retry" => 2, "retry_count" => 1)
    assert_equal "fail", outcome("retry" => 0)
    assert_equal "fail", outcome("retry" => false)
  end

  def test_a_limit_in_time_is_a_limit_too
    now = Time.now.to_f
    assert_equal "log", outcome("retry" => true, "retry_for" => 60)
    assert_equal "log", outcome("retry" => true, "retry_for" => 60, "retry_count" => 3, "failed_at" => now - 30)
    assert_equal "fail", outcome("retry" => true, "retry_for" => 60, "retry_count" => 3, "failed_at" => now - 90)
    assert_equal "fail", outcome("retry" => true, "retry_for" => 60, "retry_count" => 3, "failed_at" => ((now - 90) * 1000).to_i)
  end

  def test_every_try_can_be_a_failure
    assert_equal "fail", outcome({ "retry" => true }, { on_retry: :fail })
  end

  def test_a_job_enqueued_before_the_option_was_there_is_watched
    Lastseen::Sidekiq.new.call(SyncWorker.new, { "class" => "SyncWorker", "jid" => "j" }, "default") { nil }
    assert_equal %w[start success], @receiver.signals("#{Receiver::KEY}/sync")
  end
end
