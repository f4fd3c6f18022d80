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
  if (!admit(std::min<size_t>(message.frame()->size(), kNameBytesMax + kTextBytesMax))) return;
  const Status read = wire::decode(message, [this](const schema::LogLine::Reader& line) -> Status {
    const std::string_view function = wire::text_of(line.getFunction()).substr(0, kNameBytesMax);
    const std::string_view text = wire::text_of(line.getText()).substr(0, kTextBytesMax);
    if (log_) {
      log_(function, line.getLevel(), text);
    } else if (const log::Level level = level_of(line.getLevel()); log::enabled(level)) {
      log::write(level, kComponent, fmt::format("{}: {}", function, text));
    }
    return {};
  });
  if (!read) log::debug(kComponent, "a log line: {}", read.error().text());
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
