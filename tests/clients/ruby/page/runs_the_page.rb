# frozen_string_literal: true

# Runs what docs/rails.md shows, in a real Rails application, and prints what a reader would want to hold.

require_relative "application"
require "fugit"
require "rake"
require "yaml"

# the job: good, retried, given up, interrupted
puts NightlyReportJob.perform_now
begin
  NightlyReportJob.perform_now("never")
rescue ArgumentError => e
  puts e.message
end
job = NightlyReportJob.new
job.define_singleton_method(:perform) { |*| raise Timeout::Error, "for ann@example.org" }
3.times do |n|
  job.executions = n
  job.exception_executions = { "[Timeout::Error]" => n }
  job.perform_now
rescue Timeout::Error
  puts "no try left"
end

# rake
Rake.application.init("rake", %w[--silent])
load "lib/tasks/billing.rake"
Rake::Task["billing:close_month"].invoke

# who enqueues the job
cron = Rails.application.config.good_job.cron.fetch(:nightly_report)
recurring = YAML.load_file("config/recurring.yml").fetch("production").fetch("nightly_report")
[[cron[:cron], cron[:class]], [recurring["schedule"], recurring["class"]]].each do |schedule, name|
  puts "#{Fugit.parse(schedule).to_cron_s} #{name.constantize.lastseen_options[:slug]}"
end
