#pragma once
// What Oyster Serverless answers, byte for byte: of v2.0.0 (master, by Host label) and of its first
// generation (JSON). Pure. Source: oyster-serverless, the texts of its handlers.

#include "runtime/http/message.hpp"
#include "runtime/oyster/label.hpp"
#include "runtime/oyster/transaction.hpp"

namespace themis::oyster {

/// What became of a request; each is a sample of themis_oyster_requests_total.
enum class Outcome : uint8_t {
  answered,    ///< By the code, whatever its status.
  refused,     ///< The request is none: no Host, no label, no JSON.
  draining,    ///< This server takes no requests any more.
  busy,        ///< As many requests run as may.
  no_code,     ///< Not there, or not to be had.
  wrong_code,  ///< It does not compile, or exports no handler.
  timed_out,   ///< No answer in time, or more CPU time than there is.
  failed,      ///< It ran, and ended without an answer; or nothing could run it.
  managed,     ///< unregister and register, allowed or not.
};
inline constexpr size_t kOutcomes = 9;
std::string_view name(Outcome outcome);

struct Answer {
  http::Response response;
  Outcome outcome = Outcome::answered;
};

/// Master's: a text. `cause` goes under the text, as anyhow prints it.
Answer plain(Outcome outcome, int status, std::string text, std::string_view cause = {});

Answer no_host();
Answer unreadable_host();
Answer wrong_label(const DecodeError& error);
Answer drained();
Answer busy();
Answer no_code(const Trouble& trouble);
/// A load or a call that failed. `detail` is the engine's: "main:1:2: Unexpected token 'export'"
/// for Code::syntax. Code::threw is the code's own failure, which workerd answers: signed as such.
Answer failure(const Error& error);

/// The first generation's: always JSON, {"data","message","status"}.
Answer first_success(std::string_view data);
Answer first_no_code(const Trouble& trouble, std::string_view contract);
Answer first_failure(const Error& error);
Answer first_error(Outcome outcome, int status, std::string_view message);
/// The code's answer as the first generation passes it on: whatever is not 200 is an error.
Answer first_answered(const http::Response& response);
Answer first_busy();
Answer first_drained();

/// workerd's line about a module that does not load: "service main: Uncaught SyntaxError: ...\n  at
/// main:1:1".
std::string load_report(const Error& error);

}  // namespace themis::oyster
