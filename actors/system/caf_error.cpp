#include "actors/system/caf_error.hpp"

#include <caf/deep_to_string.hpp>
#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

namespace themis {
namespace {

constexpr caf::atom_value kCategory = caf::atom("themis");
constexpr caf::atom_value kSystemCategory = caf::atom("system");
constexpr caf::atom_value kExitCategory = caf::atom("exit");

std::string context_text(const caf::error& error) {
  const caf::message& context = error.context();
  if (context.empty()) return {};
  if (context.match_elements<std::string>()) return context.get_as<std::string>(0);
  return caf::deep_to_string(context);
}

Code nearest(caf::sec code) {
  switch (code) {
    case caf::sec::request_timeout:
      return Code::timeout;
    case caf::sec::request_receiver_down:
      return Code::unavailable;
    case caf::sec::unexpected_message:
    case caf::sec::unexpected_response:
    case caf::sec::invalid_argument:
      return Code::invalid;
    default:
      return Code::internal;
  }
}

}  // namespace

caf::error to_caf(const Error& error) {
  return {static_cast<uint8_t>(error.code), kCategory, caf::make_message(error.detail)};
}

Error from_caf(const caf::error& error) {
  THEMIS_ASSERT(error, "only an error can be converted");
  if (error.category() == kCategory && is_code(error.code()))
    return {static_cast<Code>(error.code()), context_text(error)};
  if (error.category() == kSystemCategory)
    return {nearest(static_cast<caf::sec>(error.code())), describe(error)};
  if (error.category() == kExitCategory) return {Code::unavailable, describe(error)};
  return {Code::internal, describe(error)};
}

std::string describe(const caf::error& error) {
  if (!error) return "normal";
  std::string text;
  if (error.category() == kCategory && is_code(error.code())) {
    return from_caf(error).text();
  } else if (error.category() == kExitCategory) {
    text = to_string(static_cast<caf::exit_reason>(error.code()));
  } else if (error.category() == kSystemCategory) {
    text = to_string(static_cast<caf::sec>(error.code()));
  } else {
    return to_string(error);
  }
  const std::string context = context_text(error);
  return context.empty() ? text : text + ": " + context;
}

bool is_clean_exit(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::normal || reason == caf::exit_reason::user_shutdown;
}

caf::error exception_to_error(caf::scheduled_actor*, std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const std::exception& e) {
    return to_caf({Code::threw, e.what()});
  } catch (...) {
    return to_caf({Code::threw, "an exception that is no std::exception"});
  }
}

}  // namespace themis
