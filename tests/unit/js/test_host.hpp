#pragma once
// A Host on virtual time, and the few lines every test of the engine starts with.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <mutex>
#include <optional>

#include "runtime/base/rng.hpp"
#include "runtime/js/engine.hpp"

namespace themis::js {

/// Timers fire in order of their time, with the clock set to it: nothing sleeps.
class TestHost final : public Host {
 public:
  TimePoint now() const override { return now_; }
  int64_t wall_ms() const override { return 1'700'000'000'000 + to_ms(now_ - TimePoint{}); }
  void log(LogLevel level, std::string_view text) override {
    lines.emplace_back(level, std::string(text));
  }
  TimerId after(Duration delay, std::function<void()> callback) override {
    const TimerId id = ++last_id_;
    timers_.emplace(std::pair(now_ + std::max(delay, Duration::zero()), id), std::move(callback));
    return id;
  }
  void cancel(TimerId id) override {
    std::erase_if(timers_, [id](const auto& entry) { return entry.first.second == id; });
  }
  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
  }
  void random(std::span<std::byte> out) override { rng_.fill(out); }
  void ask_state(const std::string& name_space, const std::string& question, TimePoint,
                 Answered answered) override {
    questions.push_back(name_space + " " + question);
    if (!answer_state) return asked.push_back(std::move(answered));
    post([answer = answer_state(question), answered] { answered(answer); });
  }
  GiveUp call_service(const std::string& service, Request request, TimePoint deadline,
                      ServiceAnswered answered) override {
    deadlines.push_back(deadline);
    return take(service, std::move(request), answer_service, std::move(answered));
  }
  GiveUp fetch_outward(Request request, TimePoint, ServiceAnswered answered) override {
    return take("fetch", std::move(request), answer_fetch, std::move(answered));
  }
  std::vector<size_t> given_up;  ///< Indices of `requests`.
  /// What the outside answers, if anything.
  std::function<Result<Response>(const Request&)> answer_fetch;
  void read_flow(uint64_t flow, PartAnswered answered) override {
    if (!give_part) return waiting.push_back(std::move(answered));
    post([part = give_part(flow), answered] { answered(part); });
  }
  void leave_flow(uint64_t flow) override { left.push_back(flow); }
  /// The parts of a request's body, if there are any yet.
  std::function<Result<Part>(uint64_t)> give_part;
  std::vector<PartAnswered> waiting;  ///< Without an answer.
  std::vector<uint64_t> left;
  /// What services answer, if anything.
  std::function<Result<Response>(const Request&)> answer_service;
  std::vector<std::pair<std::string, Request>> requests;
  std::vector<TimePoint> deadlines;     ///< Of requests to services.
  std::vector<ServiceAnswered> called;  ///< Without an answer.
  /// What the state answers, if anything.
  std::function<Result<std::string>(const std::string&)> answer_state;
  std::vector<std::string> questions;
  std::vector<Answered> asked;  ///< Without an answer.

  /// One posted work or one timer; false when there is none.
  bool step() {
    if (run_posted()) return true;
    if (timers_.empty()) return false;
    auto first = timers_.extract(timers_.begin());
    now_ = std::max(now_, first.key().first);
    first.mapped()();
    return true;
  }
  /// All that happens in the next `span`. (V8 has delayed tasks of its own, seconds away: stepping
  /// until nothing is left would chase those.)
  void run(Duration span) {
    const TimePoint end = now_ + span;
    while (run_posted() || (!timers_.empty() && timers_.begin()->first.first <= end)) {
      if (!timers_.empty() && timers_.begin()->first.first <= end) step();
    }
    now_ = end;
  }
  size_t timers() const { return timers_.size(); }

  std::vector<std::pair<LogLevel, std::string>> lines;

 private:
  GiveUp take(const std::string& whom, Request request,
              const std::function<Result<Response>(const Request&)>& answer,
              ServiceAnswered answered) {
    requests.emplace_back(whom, std::move(request));
    if (answer) {
      post([told = answer(requests.back().second), answered] { answered(told); });
    } else {
      called.push_back(std::move(answered));
    }
    return [this, index = requests.size() - 1] { given_up.push_back(index); };
  }
  bool run_posted() {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.empty()) return false;
      work = std::move(posted_.front());
      posted_.pop_front();
    }
    work();
    return true;
  }

  TimePoint now_{};
  TimerId last_id_ = 0;
  std::map<std::pair<TimePoint, TimerId>, std::function<void()>> timers_;
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  SeededRng rng_{42};
};

/// The engine of the process, made by main() from the snapshot of the build.
Engine& engine();
/// Where that snapshot is.
std::string snapshot_path();

/// A worker with its host; the calls of a test.
class Function {
 public:
  explicit Function(std::string_view source, const Limits& limits = {}, TestHost* host = nullptr)
      : host_(host != nullptr ? *host : own_host_) {
    auto loaded = engine().load(source, "f", limits, host_);
    if (loaded)
      worker_ = std::move(*loaded);
    else
      load_error_ = loaded.error();
  }
  const Error& load_error() const { return load_error_; }
  Worker& worker() { return *worker_; }
  TestHost& host() { return host_; }

  /// Calls and runs the host until the answer is there, and all of its body.
  Result<Response> call(Request request = {.url = "http://f/"}) {
    Result<Response> response = begin(std::move(request));
    while (response && response->flow != 0) {
      const Result<Part> part = read(response->flow);
      if (!part) return fail(part.error());
      response->body.insert(response->body.end(), part->data.begin(), part->data.end());
      if (part->is_last()) break;
    }
    return response;
  }
  /// The answer with what there is of its body.
  Result<Response> begin(Request request = {.url = "http://f/"}) {
    if (!worker_) return fail(load_error_);
    std::optional<Result<Response>> out;
    worker_->call(std::move(request), [&out](Result<Response> r) { out = std::move(r); });
    return wait_for(out);
  }
  Result<Part> read(uint64_t flow) {
    std::optional<Result<Part>> out;
    worker_->read(flow, [&out](Result<Part> part) { out = std::move(part); });
    return wait_for(out);
  }
  /// The body of the answer, or the error as text.
  std::string text(Request request = {.url = "http://f/"}) {
    const Result<Response> response = call(std::move(request));
    return response ? std::string(as_text(response->body)) : response.error().text();
  }

 private:
  template <class T>
  Result<T> wait_for(std::optional<Result<T>>& out) {
    while (!out && host_.step()) {
    }
    if (!out) return fail(Code::internal, "the host has nothing left to do, and no answer came");
    return std::move(*out);
  }

  TestHost own_host_;
  TestHost& host_;
  std::unique_ptr<Worker> worker_;
  Error load_error_;
};

/// The text of `new Response(String(EXPRESSION))`, evaluated inside a handler.
inline std::string evaluate(std::string_view expression) {
  return Function("export default { async fetch(request, env, ctx) { return new Response(String(" +
                  std::string(expression) + ")); } }")
      .text();
}

/// A module whose fetch has this body.
inline std::string handler(std::string_view body) {
  return "export default { async fetch(request, env, ctx) {" + std::string(body) + "} };";
}

inline std::string header(const Response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name) return value;
  return "(none)";
}

}  // namespace themis::js
