# frozen_string_literal: true

# What the Ruby tests share: a receiver that can misbehave, and settings that make bounds short enough to be waited for.

require "minitest/autorun"
require "stringio"
require "timeout"
require_relative "../../../clients/ruby/lastseen"

# An HTTP server on loopback that keeps what it was told. Modes: an HTTP status, :mute (takes the request, never
# answers), :drip (answers a byte at a time, for ever), :cut (closes without an answer).
class Receiver
  Ping = Struct.new(:path, :signal, :query, :body, :headers)
  UUID = "0d9c3a52-4a5c-4c3f-9c58-7f1a3f0e6b11"
  KEY = "pingkeypingkeypingkey1"

  attr_accessor :modes, :answer

  def self.away_url
    closed = TCPServer.new("127.0.0.1", 0)
    port = closed.addr[1]
    closed.close
    "http://127.0.0.1:#{port}/ping"
  end

  # One mode for all requests, or one for each in turn, the last one staying.
  def initialize(*modes)
    @modes = modes.empty? ? [200] : modes
    @pings = []
    @answer = "OK"
    @lock = Mutex.new
    @server = TCPServer.new("127.0.0.1", 0)
    @thread = Thread.new { loop { Thread.new(@server.accept) { |socket| serve(socket) } } }
    @thread.report_on_exception = false
  end

  def url
    "http://127.0.0.1:#{@server.addr[1]}/ping"
  end

  def pings
    @lock.synchronize { @pings.dup }
  end

  # ["start", "success", ...] in order of arrival, of one slug or of all.
  def signals(slug = nil)
    pings.select { |ping| slug.nil? || ping.path.include?("/#{slug}") }.map { |ping| ping.signal || "success" }
  end

  def close
    @thread.kill
    @server.close
  end

  private

  def serve(socket)
    mode = @lock.synchronize { @modes.size > 1 ? @modes.shift : @modes.first }
    keep(*read(socket))
    answer(socket, mode)
  rescue SystemCallError, IOError
    nil # the client went away, as it may
  ensure
    socket.close
  end

  def read(socket)
    target = socket.gets.split[1]
    headers = {}
    while (line = socket.gets.chomp) != ""
      name, value = line.split(": ", 2)
      headers[name.downcase] = value
    end
    [target, headers, socket.read(headers.fetch("content-length", "0").to_i)]
  end

  def keep(target, headers, body)
    path, query = target.split("?", 2)
    last = path.split("/").last
    signal = last if path.split("/").size > (path.include?(KEY) ? 4 : 3)
    ping = Ping.new(path, signal, URI.decode_www_form(query.to_s).to_h, body, headers)
    @lock.synchronize { @pings << ping }
  end

  def answer(socket, mode)
    case mode
    when :mute then sleep 30
    when :cut then nil
    when :drip
      "HTTP/1.1 200 OK\r\nX-Slow: #{'x' * 600}".each_char { |char| (socket << char) && sleep(0.05) }
    else socket << "HTTP/1.1 #{mode} Said\r\nContent-Length: #{@answer.bytesize}\r\nConnection: close\r\n\r\n#{@answer}"
    end
  end
end

# Each test has a good receiver and fresh settings.
class LastseenTest < Minitest::Test
  BOUND = 0.4 # one try's limit in these tests, in seconds; 5 in earnest

  def setup
    @receiver = Receiver.new
    configure(@receiver.url)
  end

  def teardown
    @receiver.close
  end

  def configure(url)
    @log = StringIO.new
    Lastseen.instance_variable_set(:@settings, nil)
    Lastseen.configure do |c|
      c.ping_url = url
      c.ping_key = Receiver::KEY
      c.open_timeout = c.read_timeout = BOUND
      c.retry_pause = 0.02
      c.logger = Logger.new(@log)
    end
  end

  def receive(*modes)
    @receiver.close
    @receiver = Receiver.new(*modes)
    configure(@receiver.url)
  end

  def signals
    @receiver.signals
  end

  def last
    @receiver.pings.last
  end

  def seconds
    begun = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    yield
    Process.clock_gettime(Process::CLOCK_MONOTONIC) - begun
  end

  def wait_until(limit = 10)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + limit
    until yield
      flunk "not within #{limit} s, seen: #{signals}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
      sleep 0.02
    end
  end
end
