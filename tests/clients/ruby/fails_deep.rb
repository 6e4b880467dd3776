# frozen_string_literal: true

# A job that fails deep below Active Job, with long paths in its backtrace: what a Rails application at night looks like.

require_relative "../../../clients/ruby/lastseen"
require "active_job"

ActiveJob::Base.logger = Logger.new(IO::NULL)
ActiveSupport::Deprecation.silenced = true if ActiveSupport::Deprecation.respond_to?(:silenced=)
I18n.enforce_available_locales = false if defined?(I18n)

class NightlyReportJob < ActiveJob::Base
  include Lastseen::Job
  lastseen ARGV.fetch(0)

  CODE = "def self.dig(depth, month) = depth.zero? ? raise(ArgumentError, 'no such month') : dig(depth - 1, month)"
  class_eval CODE, "/srv/app/vendor/bundle/ruby/3.1.0/gems/reports-of-a-long-name-7.1.3/lib/reports/month_of_year.rb"

  def perform(month) = self.class.dig(80, month)
end

begin
  NightlyReportJob.perform_now("never")
rescue ArgumentError => e
  puts "#{e.class}: #{e.message}", e.backtrace.size
end
