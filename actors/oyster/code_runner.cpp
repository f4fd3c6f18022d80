#include "actors/oyster/code_runner.hpp"

#include <caf/all.hpp>

#include "actors/oyster/body_reader.hpp"
#include "actors/services/function_context.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/message_types.hpp"

namespace themis {
namespace {

/// So much of a code's id is in its name: for logs.
constexpr size_t kNameDigits = 16;

/// What an uploaded code may reach: hosts that workers.fetch names, and nothing else.
const std::shared_ptr<const bundle::Settings>& settings() {
  static const auto all = [] {
    bundle::Settings made;
    made.fetch = {"*"};
    return std::make_shared<const bundle::Settings>(std::move(made));
  }();
  return all;
}

std::function<void(const caf::error&)> failing(CodeRunner::Then then) {
  return [then = std::move(then)](const caf::error& error) { then(fail(from_caf(error))); };
}

}  // namespace

/// No function and no namespace can have this name: uploaded code has no state of its own.
InstallFunction CodeRunner::description(const RunnableCode& code) const {
  const std::string hex = to_hex(code.id);
  InstallFunction function;
  function.name = "oyster:" + hex.substr(0, kNameDigits);
  function.id = code.id;
  function.source = code.source;
  function.limits = options_.limits;
  function.owner = options_.alone ? "oyster/" + hex : "oyster";
  function.settings = settings();
  return function;
}

void CodeRunner::run(const RunnablePtr& code, const InvokeMsg& invoke, Then then) {
  if (options_.fresh) {
    InstallFunction function = description(*code);
    function.fresh = true;
    store(function.id.data(), ++calls_);
    CallFresh fresh{std::make_shared<const InstallFunction>(std::move(function)), invoke};
    actor_.request(options_.workers, caf::infinite, std::move(fresh))
        .then(answered(then), failing(then));
    return;
  }
  if (installed_.contains(code->id)) return call(code->id, invoke, std::move(then));
  const auto installed = [this, code, invoke, then] {
    installed_.insert(code->id);
    call(code->id, invoke, then);
  };
  const auto failed = [then](const caf::error& error) {
    const Error why = from_caf(error);
    then(fail(why.code == Code::threw ? Code::invalid : why.code, why.detail));
  };
  when_done(actor_.request(options_.workers, caf::infinite, description(*code)), installed, failed);
}

void CodeRunner::call(const CodeId& id, const InvokeMsg& invoke, Then then) {
  actor_.request(options_.workers, caf::infinite, CallFunction{id, invoke})
      .then(answered(then), failing(then));
}

std::function<void(const OutcomeMsg&)> CodeRunner::answered(Then then) {
  return [this, then = std::move(then)](const OutcomeMsg& outcome) {
    read_answer(actor_, options_.flows, outcome, kAnswerBytesMax, then);
  };
}

void CodeRunner::cancel(const InvokeMsg& invoke) {
  actor_.send(options_.workers, CancelRequest{invoke.frame()});
}

void CodeRunner::forget(const CodeId& id) {
  if (installed_.erase(id) > 0) actor_.send(options_.workers, UninstallFunction{id});
}

void CodeRunner::stop() { options_.workers = options_.flows = nullptr; }

}  // namespace themis
