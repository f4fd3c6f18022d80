#include "runtime/oyster/replies.hpp"

#include <charconv>

#include "runtime/http/json.hpp"

namespace themis::oyster {
namespace {

constexpr std::string_view kNoFreeCgroup = "no free cgroup available to run request";
constexpr std::string_view kDeadline = "deadline has elapsed";
constexpr std::string_view kFrame = "\n    at ";

Answer first_reply(Outcome outcome, int status, std::string_view message, http::Json data) {
  const bool ok = status == 200;
  return {http::Response::json(status, http::to_text({{"status", ok ? "success" : "error"},
                                                      {"message", message},
                                                      {"data", std::move(data)}})),
          outcome};
}

/// "main:1:2: what" -> "what" and "main:1:1": workerd counts columns of syntax errors from 0.
std::string syntax_report(std::string_view detail) {
  const std::string_view plain = detail;
  const size_t file = detail.find(':');
  const size_t line = file == std::string_view::npos ? file : detail.find(':', file + 1);
  const size_t column = line == std::string_view::npos ? line : detail.find(": ", line + 1);
  unsigned number = 0;
  if (column != std::string_view::npos)
    std::from_chars(detail.data() + line + 1, detail.data() + column, number);
  if (number == 0) return "service main: Uncaught SyntaxError: " + std::string(plain);
  return "service main: Uncaught SyntaxError: " + std::string(detail.substr(column + 2)) +
         "\n  at " + std::string(detail.substr(0, line + 1)) + std::to_string(number - 1);
}

}  // namespace

std::string_view name(Outcome outcome) {
  constexpr std::string_view kNames[kOutcomes] = {"answered",  "refused", "draining",
                                                  "busy",      "no_code", "wrong_code",
                                                  "timed_out", "failed",  "managed"};
  return kNames[static_cast<size_t>(outcome)];
}

Answer plain(Outcome outcome, int status, std::string text, std::string_view cause) {
  if (!cause.empty()) text.append("\n\nCaused by:\n    ").append(cause);
  return {http::Response::text(status, std::move(text)), outcome};
}

Answer no_host() { return plain(Outcome::refused, 400, "could not find Host header"); }

Answer unreadable_host() {
  return plain(Outcome::refused, 400, "could not parse Host header",
               "failed to convert header to a str");
}

Answer wrong_label(const DecodeError& error) {
  return plain(Outcome::refused, 400, "invalid tx hash encoding: " + error.text());
}

Answer drained() { return plain(Outcome::draining, 410, "worker unregistered"); }
Answer busy() { return plain(Outcome::busy, 429, std::string(kNoFreeCgroup)); }

Answer no_code(const Trouble& trouble) {
  if (trouble.why == NoCode::no_deposit) return plain(Outcome::no_code, 400, trouble.text);
  return plain(Outcome::no_code, 400, "failed to create code file", trouble.text);
}

std::string load_report(const Error& error) {
  if (error.code == Code::syntax) return syntax_report(error.detail);
  // "ReferenceError: x is not defined\n    at main:1:39" and more frames.
  const size_t frame = error.detail.find(kFrame);
  std::string report = "service main: Uncaught " + error.detail.substr(0, frame);
  if (frame == std::string::npos) return report;
  const size_t begin = frame + kFrame.size();
  std::string_view at = std::string_view(error.detail).substr(begin);
  at = at.substr(0, at.find('\n'));
  if (const size_t open = at.find('('); open != std::string_view::npos && at.ends_with(')'))
    at = at.substr(open + 1, at.size() - open - 2);
  return report.append("\n  at ").append(at);
}

Answer failure(const Error& error) {
  switch (error.code) {
    case Code::syntax:
      return plain(Outcome::wrong_code, 400, "syntax error in the code: " + load_report(error));
    case Code::invalid:
      return plain(Outcome::wrong_code, 500, "failed to execute worker: " + load_report(error));
    case Code::timeout:
    case Code::cpu_exceeded:
      return plain(Outcome::timed_out, 408, "worker timed out", kDeadline);
    case Code::overloaded:
      return busy();
    case Code::threw:
      return plain(Outcome::answered, 500, "Internal Server Error");
    default:
      return plain(Outcome::failed, 500, "failed to get a response", error.text());
  }
}

Answer first_success(std::string_view data) {
  return first_reply(Outcome::answered, 200, "Response successfully generated", data);
}

Answer first_error(Outcome outcome, int status, std::string_view message) {
  return first_reply(outcome, status, message, nullptr);
}

Answer first_no_code(const Trouble& trouble, std::string_view contract) {
  switch (trouble.why) {
    case NoCode::no_answer:
    case NoCode::no_address:
    case NoCode::no_text:
    case NoCode::no_deposit:
      return first_error(Outcome::no_code, 500, "Error fetching transacton data");
    case NoCode::not_found:
      return first_error(Outcome::no_code, 400,
                         "Error fetching the call data, make sure a valid tx_hash is provided");
    case NoCode::other_contract:
      return first_error(Outcome::no_code, 400,
                         "Please make sure you are interacting with the correct contract : " +
                             std::string(contract));
    case NoCode::no_hex:
      return first_error(Outcome::no_code, 500, "Error decoding the call data");
    case NoCode::refused:
      return first_error(Outcome::no_code, 500, "Error generating the JS file");
  }
  return first_error(Outcome::no_code, 500, "Error fetching transacton data");
}

Answer first_failure(const Error& error) {
  switch (error.code) {
    case Code::syntax:
      return first_reply(Outcome::wrong_code, 400,
                         "Failed to generate a response. Syntax error in your JavaScript code. "
                         "Please check the syntax and try again.",
                         load_report(error));
    case Code::invalid:
      return first_error(Outcome::wrong_code, 500, "Failed to execute the code");
    case Code::timeout:
    case Code::cpu_exceeded:
      return first_error(Outcome::timed_out, 408,
                         "Server timeout, fetching response took a long time");
    case Code::overloaded:
      return first_busy();
    case Code::memory_exceeded:
      return first_error(Outcome::failed, 500, "The execution of the code has run out of memory.");
    case Code::threw:
      return first_answered(http::Response::text(500, {}));
    default:
      return first_error(Outcome::failed, 500, "Failed to generate a response.");
  }
}

Answer first_answered(const http::Response& response) {
  if (response.status == 200) return first_success(response.body);
  return first_error(Outcome::answered, 500,
                     "The server failed to retrieve a response. Please ensure that you have "
                     "implemented appropriate exception handling in your JavaScript code.");
}

Answer first_busy() { return first_error(Outcome::busy, 500, "Server busy"); }
Answer first_drained() { return first_error(Outcome::draining, 400, "Worker Unregistered"); }

}  // namespace themis::oyster
