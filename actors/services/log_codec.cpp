#include "actors/services/log_codec.hpp"

#include "actors/services/function_types.hpp"

namespace themis {
namespace {

constexpr uint8_t kLevelMax = 3;

}  // namespace

ReadLogMsg encode_read_log(const ReadLog& order, TimePoint deadline) {
  wire::Builder<schema::ReadLog> to;
  to->setFunction(wire::to_text(order.function));
  to->setAfter(order.query.after);
  to->setLevel(order.query.level);
  to->setSinceMs(order.query.since_ms);
  to->setReader(order.reader);
  return to.finish(deadline);
}

Result<ReadLog> decode_read_log(const ReadLogMsg& message) {
  return wire::decode(message, [](const schema::ReadLog::Reader& from) -> Result<ReadLog> {
    ReadLog order{std::string(wire::text_of(from.getFunction())),
                  {from.getAfter(), from.getLevel(), from.getSinceMs()},
                  from.getReader()};
    if (!is_function_name(order.function)) return fail(Code::malformed, "not a function's name");
    return order;
  });
}

LogPageMsg encode_log_page(const LogBook::Page& page) {
  size_t bytes = 0;
  for (const LogBook::Line& line : page.lines) bytes += line.text.size() + 64;
  wire::Builder<schema::LogPage> to(16 + bytes / wire::Frame::kWordBytes);
  to->setNext(page.next);
  to->setRestarted(page.restarted);
  auto lines = to->initLines(static_cast<unsigned>(page.lines.size()));
  for (unsigned i = 0; i < lines.size(); ++i) {
    const LogBook::Line& line = page.lines[i];
    lines[i].setSequence(line.sequence);
    lines[i].setTimeMs(line.time_ms);
    lines[i].setLevel(line.level);
    lines[i].setLost(line.lost);
    lines[i].setText(wire::to_text(line.text));
  }
  return to.finish();
}

Result<LogBook::Page> decode_log_page(const LogPageMsg& message) {
  return wire::decode(message, [](const schema::LogPage::Reader& from) -> Result<LogBook::Page> {
    if (from.getLines().size() > kPageLinesMax)
      return fail(Code::malformed, "a page of a log with too many lines");
    LogBook::Page page{{}, from.getNext(), from.getRestarted()};
    for (const schema::LogPage::Line::Reader line : from.getLines()) {
      if (line.getLevel() > kLevelMax || line.getText().size() > kLogTextBytesMax)
        return fail(Code::malformed, "a line of a log that is none");
      page.lines.push_back({line.getSequence(), line.getTimeMs(), line.getLevel(), line.getLost(),
                            std::string(wire::text_of(line.getText()))});
    }
    return page;
  });
}

}  // namespace themis
