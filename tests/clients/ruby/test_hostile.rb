# frozen_string_literal: true

# A monitor that is away, mute, slow or wrong: the job's value, error and time hold, and the log keeps the secret.

require_relative "helper"

class HostileTest < LastseenTest
  PAUSES = 0.02 * 3

  def assert_job_holds(within:, warned:)
    time = seconds do
      assert_equal 42, Lastseen.watch("job") { 42 }
    end
    assert_operator time, :<, within
    assert_equal 1, @log.string.lines.size, @log.string
    assert_match(warned, @log.string)
    refute_includes @log.string, Receiver::KEY
    assert_job_keeps_its_error
  end

  def assert_job_keeps_its_error
    error = RuntimeError.new("mine")
    assert_same error, (assert_raises(RuntimeError) { Lastseen.watch("job") { raise error } })
  end

  def test_an_absent_monitor
    configure(Receiver.away_url)
    assert_job_holds(within: 0.5, warned: /start of job not delivered: .*ECONNREFUSED/)
  end

  def test_a_mute_monitor
    receive(:mute)
    assert_job_holds(within: (4 * BOUND) + PAUSES + 0.5, warned: /start of job not delivered: \S*Timeout|no answer within/)
    assert_equal %w[start success success success], signals.first(4)
  end

  def test_a_monitor_that_drips_bytes
    receive(:drip)
    assert_job_holds(within: (4 * BOUND) + PAUSES + 0.5, warned: /no answer within 0.4 s/)
  end

  def test_a_monitor_that_hangs_up
    receive(:cut)
    assert_job_holds(within: 1, warned: /EOFError|ECONNRESET/)
  end

  def test_an_error_of_the_server_is_tried_three_times_at_the_end_and_once_at_the_start
    receive(500)
    assert_job_holds(within: 1, warned: /HTTP 500/)
    assert_equal %w[start success success success], signals.first(4)
  end

  def test_an_unknown_check_is_not_tried_again
    receive(404)
    assert_job_holds(within: 1, warned: /HTTP 404/)
    assert_equal %w[start success start fail], signals
  end

  def test_the_end_gets_through_when_the_second_try_does
    receive(200, 500, 200)
    Lastseen.watch("job") { nil }
    assert_equal %w[start success success], signals
    assert_empty @log.string
  end

  def test_bad_settings_are_one_warning
    ["not a url", "ftp://host/ping", "http://", "http://[bad/ping"].each do |url|
      configure(url)
      assert_job_holds(within: 0.2, warned: /start of job not delivered: ping_url is not an http/)
      refute_includes @log.string, url
    end
  end

  def test_a_ping_url_in_the_place_of_a_slug_is_in_no_message
    url = "#{@receiver.url}/#{Receiver::UUID}"
    refute Lastseen.ping(url)
    assert_match(/success of a check not delivered: not a slug/, @log.string)
    refute_includes @log.string, Receiver::UUID
  end

  def test_line_ends_and_blanks_around_settings_do_no_harm
    ["\n", "\r\n", " \t\n\n"].each do |ending|
      configure(" #{@receiver.url}#{ending}")
      Lastseen.settings.ping_key = "#{Receiver::KEY}#{ending}"
      assert Lastseen.ping("job#{ending}")
      assert Lastseen.ping("#{Receiver::UUID}#{ending}")
      assert_empty @log.string
    end
    assert_equal ["/ping/#{Receiver::KEY}/job", "/ping/#{Receiver::UUID}"] * 3, @receiver.pings.map(&:path)
  end

  def test_a_blank_url_is_none
    configure(" \n")
    refute Lastseen.settings.enabled
  end

  def test_a_key_that_is_none_is_one_warning_without_it
    Lastseen.settings.ping_key = "two\nlines"
    refute Lastseen.ping("job")
    assert_match(/is not a ping key/, @log.string)
    refute_includes @log.string, "lines\n"
    assert_empty signals
  end

  def test_a_refusal_is_shown_in_the_monitors_own_words
    receive(404)
    @receiver.answer = "not found: no check of this project has the slug job\nmore"
    refute Lastseen.ping("job")
    assert_match(/not delivered: HTTP 404: not found: no check of this project has the slug job$/, @log.string)
  end

  def test_an_answer_cannot_make_the_warning_show_a_secret
    receive(404)
    ["no route \e[31m for #{@receiver.url}/#{Receiver::KEY}/job #{'x' * 999}", "no check #{Receiver::UUID}",
     "<title>#{Receiver::KEY}</title>", "\xFF\xFE"].each do |answer|
      @receiver.answer = answer
      refute Lastseen.ping("job")
    end
    [Receiver::KEY, Receiver::UUID, @receiver.url, "\e"].each { |secret| refute_includes @log.string, secret }
    assert_operator @log.string.lines.map(&:length).max, :<, 400
  end

  def test_a_slug_that_is_none_is_one_warning_and_no_ping
    assert_equal 1, Lastseen.watch("Nightly Report") { 1 }
    assert_match(/not a slug/, @log.string)
    assert_empty signals
  end

  def test_a_slug_without_a_key_says_what_is_missing
    Lastseen.settings.ping_key = nil
    assert_equal 1, Lastseen.watch("job") { 1 }
    assert_match(/LASTSEEN_PING_KEY/, @log.string)
  end

  def test_a_uuid_is_a_secret_too
    receive(404)
    Lastseen.watch(Receiver::UUID) { nil }
    assert_match(/of #{Receiver::UUID[0, 8]}\.\.\. not/, @log.string)
    refute_includes @log.string, Receiver::UUID
  end

  def test_after_an_undelivered_ping_log_lines_cost_no_more_time
    receive(:mute)
    time = seconds { Lastseen.watch("job") { |run| 50.times { run.log("line") } } }
    assert_operator time, :<, (4 * BOUND) + PAUSES + 0.5
  end

  def test_a_logger_that_fails_does_not_fail_the_job
    receive(404)
    Lastseen.settings.logger = Object.new
    assert_equal 1, Lastseen.watch("job") { 1 }
  end

  def test_the_bounds_in_earnest_are_five_seconds_a_try
    settings = Lastseen::Settings.new
    assert_equal [2, 5, 0.5, 3], [settings.open_timeout, settings.read_timeout, settings.retry_pause, Lastseen::END_TRIES]
  end
end
