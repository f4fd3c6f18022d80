#include "actors/services/log_readers.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"

namespace themis {

void LogReaders::start(LogBook* book) {
  book_ = book;
  if (book_ != nullptr) book_->watch([this](std::string_view function) { told(function); });
}

void LogReaders::read(const NodeId& node, const ReadLog& order, caf::response_promise promise) {
  LogBook::Page page;
  if (book_ != nullptr) page = book_->read(order.function, order.query);
  if (!page.lines.empty() || order.reader == 0) return promise.deliver(encode_log_page(page));
  const Name name(node, order.reader);
  if (const auto before = waits_.find(name); before != waits_.end()) {
    before->second.promise.deliver(encode_log_page(page));
    waits_.erase(before);
  }
  if (waits_.size() >= kReadersMax)
    return promise.deliver(to_caf({Code::overloaded, "too many readers of logs wait; try again"}));
  waits_.emplace(name, Wait{order, std::move(promise), loop_.now() + kWaitMax});
}

void LogReaders::told(std::string_view function) {
  const bool is_awaited = std::ranges::any_of(
      waits_, [&](const auto& entry) { return entry.second.order.function == function; });
  if (!is_awaited) return;
  new_.emplace(function);
  if (timer_ == 0)
    timer_ = loop_.after(kGather, [this] {
      timer_ = 0;
      answer_new();
    });
}

void LogReaders::answer_new() {
  const auto functions = std::exchange(new_, {});
  answer([&](const Wait& wait, const LogBook::Page& page) {
    return functions.contains(wait.order.function) && !page.lines.empty();
  });
}

void LogReaders::tick() {
  const TimePoint now = loop_.now();
  answer([now](const Wait& wait, const LogBook::Page& page) {
    return now >= wait.until || !page.lines.empty();  // lines that were dropped wake nobody
  });
}

/// Those of whom `is_due` says so.
void LogReaders::answer(const IsDue& is_due) {
  for (auto next = waits_.begin(); next != waits_.end();) {
    Wait& wait = next->second;
    LogBook::Page page;
    if (book_ != nullptr) page = book_->read(wait.order.function, wait.order.query);
    if (!is_due(wait, page)) {
      ++next;
      continue;
    }
    wait.promise.deliver(encode_log_page(page));
    next = waits_.erase(next);
  }
}

void LogReaders::stop() {
  if (book_ != nullptr) book_->watch({});
  loop_.cancel(timer_);
  for (auto& [name, wait] : std::exchange(waits_, {}))
    wait.promise.deliver(to_caf({Code::cancelled, "the function service ended"}));
}

}  // namespace themis
