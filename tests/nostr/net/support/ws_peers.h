// A websocket client that remembers and a server that echoes, both waited for without clocks.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "nostr/net/ws_client.h"
#include "nostr/net/ws_server.h"

namespace test {

/// Keeps everything a client socket reports; any thread may wait for more.
class Recorder final : public nostr::WsClientHandler {
 public:
  void on_open() override {
    const std::lock_guard lock(mutex_);
    opened_ = true;
    changed_.notify_all();
  }
  void on_frame(nostr::Frame frame) override {
    const std::lock_guard lock(mutex_);
    frames_.push_back(*frame);
    changed_.notify_all();
  }
  void on_closed(std::string reason) override {
    const std::lock_guard lock(mutex_);
    reasons_.push_back(std::move(reason));
    changed_.notify_all();
  }

  /// False when the socket closed before it opened.
  bool wait_open() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return opened_ || !reasons_.empty(); });
    return opened_;
  }
  /// The first `count` frames, fewer when the socket closed before.
  std::vector<std::string> wait_frames(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return frames_.size() >= count || !reasons_.empty(); });
    return frames_;
  }
  std::string wait_closed() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !reasons_.empty(); });
    return reasons_.front();
  }
  std::size_t closings() {
    const std::lock_guard lock(mutex_);
    return reasons_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool opened_ = false;
  std::vector<std::string> frames_;
  std::vector<std::string> reasons_;
};

/// Echoes frames; "abort", "bye" and "flood" do what they say. Answers HTTP with what it was asked.
class EchoHandler final : public nostr::WsServerHandler {
 public:
  void attach(nostr::WsServer* server) {
    const std::lock_guard lock(mutex_);
    server_ = server;
    changed_.notify_all();
  }
  void on_connect(nostr::ConnectionId connection, std::string peer) override {
    const std::lock_guard lock(mutex_);
    ++connects_;
    last_ = connection;
    peer_ = std::move(peer);
    changed_.notify_all();
  }
  void on_frame(nostr::ConnectionId connection, nostr::Frame frame) override {
    nostr::WsServer* const server = attached();
    if (*frame == "abort") return server->abort(connection);
    if (*frame == "bye") return server->disconnect(connection);
    if (*frame == "flood") return flood(*server, connection);
    if (*frame == "ignore") return;
    (void)server->send(connection, *frame);
  }
  void on_disconnect(nostr::ConnectionId) override {
    const std::lock_guard lock(mutex_);
    ++disconnects_;
    changed_.notify_all();
  }
  void on_drained(nostr::ConnectionId) override {
    const std::lock_guard lock(mutex_);
    ++drained_;
    changed_.notify_all();
  }
  nostr::HttpResponse on_http(const nostr::HttpRequest& request) override {
    nostr::HttpResponse out;
    out.status = request.path == "/missing" ? 404 : 200;
    out.content_type = "application/nostr+json";
    out.headers = {{"access-control-allow-origin", "*"}};
    out.body = request.method + " " + request.path + " " + request.accept + " " + request.body;
    return out;
  }

  void wait_connects(int count) { wait([&] { return connects_ >= count; }); }
  void wait_disconnects(int count) { wait([&] { return disconnects_ >= count; }); }
  void wait_drained(int count) { wait([&] { return drained_ >= count; }); }
  void wait_limit() { wait([&] { return hit_limit_; }); }
  int connects() { return locked(connects_); }
  int disconnects() { return locked(disconnects_); }
  std::string peer() { return locked(peer_); }
  nostr::ConnectionId last() { return locked(last_); }

 private:
  nostr::WsServer* attached() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return server_ != nullptr; });
    return server_;
  }
  void flood(nostr::WsServer& server, nostr::ConnectionId connection) {
    const std::string block(64u << 10, 'x');
    while (server.send(connection, block)) {
    }
    const std::lock_guard lock(mutex_);
    hit_limit_ = true;
    changed_.notify_all();
  }
  template <class Predicate>
  void wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, predicate);
  }
  template <class T>
  T locked(const T& member) {
    const std::lock_guard lock(mutex_);
    return member;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  nostr::WsServer* server_ = nullptr;
  int connects_ = 0;
  int disconnects_ = 0;
  int drained_ = 0;
  bool hit_limit_ = false;
  nostr::ConnectionId last_ = 0;
  std::string peer_;
};

}  // namespace test
