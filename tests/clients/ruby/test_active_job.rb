# frozen_string_literal: true

# Lastseen::Job in real Active Job: what is a retry, a last try, a discard, a halt.

require_relative "helper"
require "active_job"
require "active_job/test_helper"

ActiveJob::Base.logger = Logger.new(IO::NULL)
ActiveSupport::Deprecation.silenced = true if ActiveSupport::Deprecation.respond_to?(:silenced=)
I18n.enforce_available_locales = false if defined?(I18n)

class Flaky < StandardError; end
class Gone < StandardError; end

class WatchedJob < ActiveJob::Base
  include Lastseen::Job
end

class GoodJob < WatchedJob
  lastseen "good"
  def perform(value = nil) = value
end

class RetriedJob < WatchedJob
  lastseen "retried"
  retry_on Flaky, wait: 1, attempts: 3
  def perform(good_at = 99) = executions < good_at && raise(Flaky, "hiccup #{executions}")
end

class LoudRetriedJob < RetriedJob
  lastseen "loud", on_retry: :fail
end

class SwallowedJob < WatchedJob
  lastseen "swallowed"
  retry_on(Flaky, wait: 1, attempts: 2) { |_job, _error| nil }
  def perform = raise(Flaky, "no more")
end

class DiscardedJob < WatchedJob
  lastseen "discarded"
  discard_on Gone
  discard_on ActiveJob::DeserializationError
  def perform(_record = nil) = raise(Gone, "record is gone")
end

class RaisingJob < WatchedJob
  lastseen "raising"
  def perform = raise("boom")
end

class HaltedJob < WatchedJob
  lastseen "halted"
  before_perform { throw :abort }
  after_perform { nil }
  def perform = raise("never")
end

class RescuingJob < WatchedJob
  lastseen "rescuing"
  around_perform do |_job, block|
    block.call
  rescue StandardError
    nil
  end
  def perform = raise("swallowed by a callback")
end

class AgainJob < WatchedJob
  lastseen "again"
  def perform = executions < 2 ? retry_job(wait: 1) : nil
end

class StoppedJob < WatchedJob
  lastseen "stopped"
  def perform = raise(Interrupt)
end

class SlowJob < WatchedJob
  lastseen "slow"
  def perform = sleep(0.2)
end

class HeirJob < GoodJob
end

class WillingJob < WatchedJob
  lastseen "willing", inherit: true
  def perform = nil
end

class WillingHeirJob < WillingJob
  def perform = nil
end

module Billing
  class NightlyReportJob < WatchedJob
    lastseen
    def perform = nil
  end
end

class DeepJob < WatchedJob
  lastseen "deep"
  discard_on ArgumentError
  def perform(month) = dive(month, 200)
  def dive(month, depth) = depth.zero? ? raise(ArgumentError, "no such month: #{month}") : dive(month, depth - 1)
end

class PlannedJob < WatchedJob
  lastseen "planned", cron: "30 3 * * *", tz: "Europe/Berlin", grace: ActiveSupport::Duration.hours(1)
  def perform = nil
end

class UnwatchedJob < WatchedJob
  def perform = nil
end

class ActiveJobTest < LastseenTest
  include ActiveJob::TestHelper # its adapter keeps what is enqueued

  # Perform what is enqueued one by one, as a worker does, without waiting for the time of a delayed try.
  def work(*jobs)
    jobs.each(&:enqueue)
    while (payload = queue_adapter.enqueued_jobs.shift)
      ActiveJob::Base.execute(payload)
    end
  end

  def test_a_good_job_is_a_run_and_keeps_its_value
    assert_equal 5, GoodJob.perform_now(5)
    assert_equal %w[start success], signals
  end

  def test_the_start_says_where_to_find_the_run
    job = GoodJob.new
    job.perform_now
    assert_equal "job_id=#{job.job_id} attempt=1 host=#{Socket.gethostname}", @receiver.pings.first.body
  end

  def test_a_try_that_will_be_tried_again_is_a_log_line_and_the_last_one_a_failure
    assert_raises(Flaky) { work RetriedJob.new }
    assert_equal %w[start log start log start fail], signals
    assert_equal [2, 2, 2], @receiver.pings.group_by { |ping| ping.query["rid"] }.values.map(&:size)
    assert_equal %w[1 2 3], starts.map { |ping| ping.body[/attempt=(\d)/, 1] }
    assert_match(/\AFlaky: hiccup 1\nwill be tried again\n/, @receiver.pings[1].body)
    assert_equal "again", @receiver.pings[1].query["over"]
  end

  def test_a_retry_that_succeeds_is_a_success
    work RetriedJob.new(2)
    assert_equal %w[start log start success], signals
  end

  def test_on_retry_fail_tells_of_each_try
    assert_raises(Flaky) { work LoudRetriedJob.new }
    assert_equal 3, signals.count("fail")
  end

  def test_a_last_try_whose_error_a_block_takes_is_a_failure
    work SwallowedJob.new
    assert_equal %w[start log start fail], signals
  end

  def test_a_discard_is_a_failure
    work DiscardedJob.new
    assert_equal %w[start fail], signals
    assert_match(/\AGone: record is gone\ngiven up: /, last.body)
  end

  def test_the_headline_of_a_deep_error_is_the_first_line_and_survives_a_cut_in_the_middle
    Lastseen.settings.body_limit = 1_000
    DeepJob.perform_now("never")
    assert_equal "fail", last.signal
    assert_equal "ArgumentError: no such month: never\n", last.body.lines.first
    assert_match(/bytes left out/, last.body)
    assert_operator last.body.bytesize, :<=, 1_000
  end

  def test_a_job_can_say_its_schedule_for_the_check_that_its_first_ping_makes
    PlannedJob.perform_now
    made = { "create" => "1", "schedule" => "30 3 * * *", "tz" => "Europe/Berlin", "grace" => "3600" }
    assert_equal [made, made], @receiver.pings.map { |ping| ping.query.except("rid") }
  end

  def test_a_setting_that_there_is_not_is_an_error_where_the_class_is_written
    assert_raises(ArgumentError) { Class.new(WatchedJob) { lastseen "odd", schedule: "* * * * *" } }
  end

  def test_an_argument_that_cannot_be_read_is_a_failure
    job = DiscardedJob.deserialize(DiscardedJob.new.serialize.merge("arguments" => [{ "_aj_globalid" => "gid://app/Lost/1" }]))
    job.perform_now
    assert_equal %w[start fail], signals
    assert_match(/DeserializationError/, last.body)
  end

  def test_an_error_that_nobody_handles_is_a_failure_and_goes_on
    assert_raises(RuntimeError) { RaisingJob.perform_now }
    assert_equal %w[start fail], signals
    assert_match(/\ARuntimeError: boom/, last.body)
  end

  def test_a_halted_job_is_no_success
    HaltedJob.perform_now
    assert_equal %w[start log], signals
    assert_match(/halted/, last.body)
    assert_equal "1", last.query["over"]
  end

  def test_an_error_that_a_callback_swallows_is_no_success
    RescuingJob.perform_now
    assert_equal %w[start fail], signals
  end

  def test_a_job_that_enqueues_itself_again_is_not_done
    work AgainJob.new
    assert_equal %w[start log start success], signals
  end

  def test_a_deploy_is_no_failure
    assert_raises(Interrupt) { StoppedJob.perform_now }
    assert_equal %w[start log], signals
  end

  def test_a_timeout_around_the_job_is_a_failure
    assert_raises(Timeout::Error) { Timeout.timeout(0.05) { SlowJob.perform_now } }
    assert_equal %w[start fail], signals
  end

  def test_a_subclass_is_watched_only_if_the_macro_says_so
    HeirJob.perform_now
    UnwatchedJob.perform_now
    assert_empty signals
    WillingHeirJob.perform_now
    assert_equal %w[start success], @receiver.signals("#{Receiver::KEY}/willing")
  end

  def test_the_slug_comes_from_the_class_name_unless_given
    Billing::NightlyReportJob.perform_now
    assert_equal "/ping/#{Receiver::KEY}/billing-nightly-report-job", last.path
  end

  def test_a_wrong_slug_or_option_is_told_when_the_class_is_read
    refused = assert_raises(ArgumentError) { Class.new(WatchedJob) { lastseen "https://host/ping/key" } }
    assert_match(/is no slug/, refused.message)
    refute_includes refused.message, "host"
    assert_raises(ArgumentError) { Class.new(WatchedJob) { lastseen "x", on_retry: :maybe } }
  end

  def test_enqueueing_pings_nothing
    GoodJob.perform_later
    assert_empty signals
  end

  def test_nothing_is_sent_while_disabled
    Lastseen.settings.enabled = false
    assert_equal 5, GoodJob.perform_now(5)
    assert_empty signals
  end

  def test_a_job_runs_and_ends_as_ever_when_the_monitor_is_away
    configure(Receiver.away_url)
    assert_equal 5, GoodJob.perform_now(5)
    assert_raises(Flaky) { work RetriedJob.new }
    work DiscardedJob.new
    HaltedJob.perform_now
  end

  def test_two_jobs_at_once_on_the_async_adapter_are_two_runs
    adapter = ActiveJob::QueueAdapters::AsyncAdapter.new(min_threads: 2, max_threads: 2)
    2.times { adapter.enqueue(SlowJob.new) }
    wait_until { signals.count("success") == 2 }
    assert_equal [%w[start success]] * 2, @receiver.pings.group_by { |p| p.query["rid"] }.values.map { |r| r.map { |p| p.signal || "success" } }
  end

  private

  def starts
    @receiver.pings.select { |ping| ping.signal == "start" }
  end
end
