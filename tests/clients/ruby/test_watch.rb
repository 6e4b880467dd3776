# frozen_string_literal: true

# Lastseen.watch and Lastseen.ping, in a plain Ruby program.

require_relative "helper"

class WatchTest < LastseenTest
  def test_a_good_block_sends_start_and_success_of_one_run_and_keeps_its_value
    assert_equal 42, Lastseen.watch("nightly-report") { 42 }
    assert_equal %w[start success], signals
    assert_equal ["/ping/#{Receiver::KEY}/nightly-report/start", "/ping/#{Receiver::KEY}/nightly-report"],
                 @receiver.pings.map(&:path)
    assert_equal 1, @receiver.pings.map { |ping| ping.query["rid"] }.uniq.size
    assert_match Lastseen::UUID, last.query["rid"]
  end

  def test_each_try_has_a_run_id_of_its_own
    2.times { Lastseen.watch("nightly-report") { nil } }
    assert_equal 2, @receiver.pings.map { |ping| ping.query["rid"] }.uniq.size
  end

  def test_a_uuid_is_pinged_as_a_uuid_without_a_key
    Lastseen.settings.ping_key = nil
    Lastseen.watch(Receiver::UUID) { nil }
    assert_equal ["/ping/#{Receiver::UUID}/start", "/ping/#{Receiver::UUID}"], @receiver.pings.map(&:path)
  end

  def test_an_error_is_reported_with_class_message_and_twenty_lines_and_goes_on_as_the_same_object
    error = RuntimeError.new("disk is full")
    deep = ->(n) { n.zero? ? raise(error) : deep.call(n - 1) }
    assert_same error, (assert_raises(RuntimeError) { Lastseen.watch("nightly-report") { deep.call(60) } })
    assert_equal %w[start fail], signals
    lines = last.body.lines
    assert_equal "RuntimeError: disk is full\n", lines.first
    assert_equal 21, lines.size
    assert_includes lines[1], "test_watch.rb"
  end

  def test_errors_that_are_no_standard_errors_are_failures_too
    assert_raises(NoMemoryError) { Lastseen.watch("job") { raise NoMemoryError } }
    assert_raises(NotImplementedError) { Lastseen.watch("job") { raise NotImplementedError } }
    assert_equal %w[start fail start fail], signals
  end

  def test_the_filter_takes_personal_data_out_of_what_is_sent
    Lastseen.settings.filter = ->(text) { text.gsub(/\S+@\S+/, "[mail]") }
    assert_raises(RuntimeError) { Lastseen.watch("job") { raise "no such user: ann@example.org" } }
    assert_includes last.body, "no such user: [mail]"
  end

  def test_a_filter_or_message_that_fails_sends_the_class_alone
    Lastseen.settings.filter = ->(_) { raise "broken filter" }
    assert_raises(RuntimeError) { Lastseen.watch("job") { raise "ann@example.org" } }
    assert_equal "RuntimeError", last.body
  end

  def test_a_long_binary_message_is_sent_as_its_beginning_and_its_end
    assert_raises(RuntimeError) { Lastseen.watch("job") { raise "\xFF\x00é".b + ("x" * 30_000) } }
    assert_includes 8_000..10_000, last.body.bytesize
    assert last.body.start_with?("RuntimeError: ")
    assert_match(/x\n\[\.\.\. 2\d,\d{3} bytes left out \.\.\.\]\n/, last.body)
    assert_includes last.body.lines.last, "in `"
  end

  def test_what_is_shortened_keeps_its_first_and_last_lines_whole_and_marks_the_gap
    lines = (0...2_000).map { |n| "line #{n} of the log\n" }
    body = Lastseen::Shortened.of(lines.join, 10_000)
    assert_includes 9_900..10_000, body.bytesize
    beginning, left_out, ending = body.match(/\A(.*)\[\.\.\. ([\d,]+) bytes left out \.\.\.\]\n(.*)\z/m).captures
    assert_empty (beginning + ending).lines - lines
    assert_equal [lines.first, lines.last], [beginning.lines.first, ending.lines.last]
    assert_equal lines.join.bytesize - beginning.bytesize - ending.bytesize, left_out.delete(",").to_i
  end

  def test_what_is_short_enough_is_sent_to_the_letter_and_no_limit_is_exceeded
    body = (0..255).map(&:chr).join.b
    assert_equal body, Lastseen::Shortened.of(body, 256)
    [1, 40, 60, 100, 1_000].each do |limit|
      ["x" * 5_000, "\n" * 5_000, "four\n" * 1_000].each do |text|
        assert_operator Lastseen::Shortened.of(text, limit).bytesize, :<=, limit
      end
    end
  end

  def test_the_first_ping_can_make_the_check_with_its_schedule
    Lastseen.watch("nightly", cron: "30 3 * * *", tz: "Europe/Berlin", grace: 3600) { nil }
    Lastseen.ping("worker-alive", every: 60)
    by_cron = { "create" => "1", "schedule" => "30 3 * * *", "tz" => "Europe/Berlin", "grace" => "3600" }
    asked = @receiver.pings.map { |ping| ping.query.except("rid") }
    assert_equal [by_cron, by_cron, { "create" => "1", "timeout" => "60" }], asked
  end

  def test_settings_that_cannot_be_meant_are_an_error_where_they_are_written
    error = assert_raises(ArgumentError) { Lastseen.watch("job", schedule: "* * * * *") { nil } }
    assert_match(/schedule; use cron, tz, every, grace/, error.message)
    assert_raises(ArgumentError) { Lastseen.ping("job", cron: "* * * * *", every: 60) }
    assert_empty signals
  end

  def test_a_deploy_is_no_failure
    [Interrupt.new(""), SignalException.new("TERM"), SystemExit.new(0)].each do |stop|
      assert_same stop, (assert_raises(stop.class) { Lastseen.watch("job") { raise stop } })
      assert_equal "log", signals.last
      assert_match(/\A#{stop.class}\ninterrupted: /, last.body)
    end
  end

  def test_a_signal_wrapped_in_a_librarys_error_is_no_failure
    assert_raises(RuntimeError) do
      Lastseen.watch("job") do
        raise SignalException, "TERM"
      rescue SignalException
        raise "statement was cancelled"
      end
    end
    assert_equal %w[start log], signals
  end

  def test_exit_with_a_status_reports_that_status
    assert_raises(SystemExit) { Lastseen.watch("job") { exit 3 } }
    assert_equal %w[start 3], signals
  end

  def test_next_is_a_success
    Lastseen.watch("job") { next }
    assert_equal %w[start success], signals
  end

  def test_a_block_left_by_return_break_or_throw_is_a_failure
    returning = -> { Lastseen.watch("job") { return 1 } }
    leaving = proc { Lastseen.watch("job") { break } }
    throwing = -> { catch(:done) { Lastseen.watch("job") { throw :done } } }
    [returning, leaving, throwing].each do |way|
      way.call
      assert_equal "fail", signals.last
      assert_match(/left early/, last.body)
    end
  end

  def test_a_timeout_around_the_watched_block_is_a_failure
    assert_raises(Timeout::Error) { Timeout.timeout(0.2) { Lastseen.watch("job") { sleep 5 } } }
    assert_equal %w[start fail], signals
  end

  def test_a_killed_thread_is_a_failure
    thread = Thread.new { Lastseen.watch("job") { sleep 5 } }
    wait_until { signals == %w[start] }
    thread.kill.join
    assert_equal %w[start fail], signals
  end

  def test_two_jobs_of_one_slug_at_once_do_not_share_a_run
    2.times.map { |n| Thread.new { Lastseen.watch("job") { |run| run.log("#{n}") && sleep(0.1) } } }.each(&:join)
    runs = @receiver.pings.group_by { |ping| ping.query["rid"] }
    assert_equal [%w[log start success]] * 2, runs.values.map { |pings| pings.map { |p| p.signal || "success" }.sort }
    assert_equal 2, @receiver.pings.filter_map { |ping| ping.signal == "log" && ping.body }.uniq.size
  end

  def test_lines_are_logged_at_once
    Lastseen.watch("job") do |run|
      run.log "halfway"
      assert_equal %w[start log], signals
      assert_equal "halfway", last.body
      assert_equal run.rid, last.query["rid"]
    end
  end

  def test_a_simple_beat_is_one_success_without_a_run
    assert Lastseen.ping("worker-alive")
    assert Lastseen.ping("worker-alive", :fail, body: "queue is stuck")
    assert_equal %w[success fail], signals
    assert_equal [{}, {}], @receiver.pings.map(&:query)
    assert_equal "queue is stuck", last.body
  end

  def test_create_asks_for_the_check_to_be_made
    Lastseen.settings.create = true
    Lastseen.watch("job") { nil }
    assert_equal %w[1 1], @receiver.pings.map { |ping| ping.query["create"] }
  end

  def test_nothing_is_sent_while_disabled_and_the_block_still_runs
    Lastseen.settings.enabled = false
    assert_equal 7, (Lastseen.watch("job") { |run| run.log("x") || 7 })
    refute Lastseen.ping("job")
    Lastseen.settings.enabled = nil
    Lastseen.settings.ping_url = nil
    Lastseen.watch("job") { nil }
    assert_empty signals
  end

  def test_url_and_key_come_from_the_environment_unless_they_are_set
    code = "p Lastseen.settings.enabled; Lastseen.ping('job'); p Lastseen.settings"
    file = File.expand_path("../../../clients/ruby/lastseen.rb", __dir__)
    env = { "LASTSEEN_PING_URL" => @receiver.url, "LASTSEEN_PING_KEY" => Receiver::KEY }
    out = IO.popen(env, ["ruby", "-r", file, "-e", code], err: %i[child out], &:read)
    assert_equal "true\n#<Lastseen::Settings enabled=true>\n", out
    assert_equal %w[success], signals
  end

  def test_a_thread_that_ends_with_its_process_is_no_failure
    file = File.expand_path("../../../clients/ruby/lastseen.rb", __dir__)
    env = { "LASTSEEN_PING_URL" => @receiver.url, "LASTSEEN_PING_KEY" => Receiver::KEY }
    code = "Thread.new { Lastseen.watch('job') { $at = 1; sleep 20 } }; sleep 0.01 until $at"
    assert system(env, "ruby", "-r", file, "-e", code, exception: true)
    refute_includes signals, "fail"
    refute_includes signals, "success"
  end
end
