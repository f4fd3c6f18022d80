#include "actors/worker/worker_log.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

constexpr std::string_view kComponent = "function";

log::Level level_of(uint8_t level) {
  switch (level) {
    case 0:
      return log::Level::debug;
    case 1:
      return log::Level::info;
    case 2:
      return log::Level::warn;
    default:
      return log::Level::error;
  }
}

}  // namespace

void WorkerLog::on_message(caf::mailbox_element& element) {
  const auto& content = element.content();
  if (element.mid.is_request())
    return reply(element, caf::make_message(to_caf({Code::invalid, "log lines are not answered"})));
  if (!content.match_elements<wire::Msg<schema::LogLine>>()) return;
  const auto& message = content.get_as<wire::Msg<schema::LogLine>>(0);
  const Status read = wire::decode(message, [this](const schema::LogLine::Reader& line) -> Status {
    write(wire::text_of(line.getFunction()), line.getLevel(), wire::text_of(line.getText()));
    return {};
  });
  if (!read) log::debug(kComponent, "a log line: {}", read.error().text());
}

void WorkerLog::write(std::string_view function, uint8_t level, std::string_view text) {
  function = function.substr(0, kNameBytesMax);
  text = text.substr(0, kTextBytesMax);
  if (!admit(function.size() + text.size())) {
    if (book_ != nullptr) book_->skip(function);
    return;
  }
  note(function, level, text);
  if (log_) return log_(function, level, text);
  if (const log::Level wanted = level_of(level); log::enabled(wanted))
    log::write(wanted, kComponent, fmt::format("{}: {}", function, text));
}

void WorkerLog::note(std::string_view function, uint8_t level, std::string_view text) {
  if (book_ == nullptr) return;
  book_->add(function, {.time_ms = reactor_.loop().wall_ms(),
                        .level = std::min<uint8_t>(level, 3),
                        .text = std::string(text.substr(0, kTextBytesMax))});
}

bool WorkerLog::admit(size_t bytes) {
  const TimePoint now = reactor_.loop().now();
  if (now - second_ > 1s) {
    if (dropped_ > 0) log::warn(kComponent, "{} lines of one second were dropped", dropped_);
    second_ = now;
    lines_ = 0;
    bytes_ = 0;
    dropped_ = 0;
  }
  if (lines_ < kLinesPerSecond && bytes <= kBytesPerSecond - bytes_) {
    ++lines_;
    bytes_ += bytes;
    return true;
  }
  ++dropped_;
  return false;
}

}  // namespace themis
