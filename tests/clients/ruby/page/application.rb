# frozen_string_literal: true

# A Rails application around the files that docs/rails.md shows, as small as one can be. Its root is the working folder.

require "rails"
require "active_job/railtie"

class Shop < Rails::Application
  config.root = Dir.pwd
  config.eager_load = false
  config.load_defaults 6.1
  config.logger = Logger.new(File.join(Dir.pwd, "rails.log"))
  config.active_job.queue_adapter = :test
  config.good_job = ActiveSupport::OrderedOptions.new # the gem is not in Debian; its settings are
end
ActiveSupport::Deprecation.silenced = true if ActiveSupport::Deprecation.respond_to?(:silenced=)
Rails.application.initialize!
