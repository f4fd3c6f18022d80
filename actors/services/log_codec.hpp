#pragma once
// What the node that deployed a function asks its instances about its log, parsed strictly into
// bounded values, and back.

#include "actors/worker/log_book.hpp"
#include "logs.capnp.h"
#include "wire/msg.hpp"

namespace themis {

using ReadLogMsg = wire::Msg<schema::ReadLog>;
using LogPageMsg = wire::Msg<schema::LogPage>;

/// Lines of a page, and bytes of a line: past what a LogBook gives.
inline constexpr size_t kPageLinesMax = 16 * 1024;
inline constexpr size_t kLogTextBytesMax = 16 * 1024;

struct ReadLog {
  std::string function;
  LogBook::Query query;
  uint64_t reader = 0;  ///< Not 0: wait for a line, in place of this reader's last wait.
};

ReadLogMsg encode_read_log(const ReadLog& order, TimePoint deadline);
/// Errors of both decoders: malformed.
Result<ReadLog> decode_read_log(const ReadLogMsg& message);
LogPageMsg encode_log_page(const LogBook::Page& page);
Result<LogBook::Page> decode_log_page(const LogPageMsg& message);

}  // namespace themis
