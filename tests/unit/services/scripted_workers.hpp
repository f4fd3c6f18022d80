#pragma once
// A worker pool whose functions do what their source says, without a process.

#include <caf/all.hpp>
#include <map>

#include "actors/services/service_codec.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/hosted_actor.hpp"
#include "actors/system/message_types.hpp"
#include "actors/worker/worker_api.hpp"
#include "runtime/js/limits.hpp"

namespace themis::testing {

/// What a scripted function does is its source: "syntax" does not compile, "throws", "loops" and
/// "fills" fail like that, "pours" answers more than it may, "dies" loses its worker process,
/// "waits" answers when it is told to or given up, "bad-header" answers with a header that is none;
/// the one call after a put_atom waits too; "picky" does not compile here after an add_atom, and
/// "slow" is then installed when they are told to answer; "sealed" needs a key; all else answers
/// "SOURCE METHOD URL BODY".
class ScriptedWorkers final : public PinnedActor {
 public:
  using PinnedActor::PinnedActor;
  caf::behavior make_behavior() override {
    return {[this](const InstallFunction& install) -> caf::result<caf::unit_t> {
              const std::string source(as_text(*install.source));
              if (source == "syntax" || (source == "picky" && is_picky_))
                return to_caf({Code::syntax, "function:3:7: Unexpected token '}'"});
              if (source == "sealed" && install.key.get() == nullptr)
                return to_caf({Code::denied, "its secrets have no key"});
              sources_[install.id] = source;
              if (source != "slow" || !is_picky_) return caf::unit;
              installing_.push_back(make_response_promise<caf::unit_t>());
              return installing_.back();
            },
            [this](const UninstallFunction& uninstall) { sources_.erase(uninstall.id); },
            [this](const CallFunction& call) { return run(call); },
            [this](caf::ok_atom) {
              for (auto& [frame, promise] : waiting_) promise.deliver(outcome("waited"));
              waiting_.clear();
              for (auto& promise : installing_) promise.deliver(caf::unit);
              installing_.clear();
            },
            [this](caf::get_atom) { return waiting_.size() + installing_.size(); },
            [this](caf::delete_atom) { return given_up_; },
            [this](const CancelRequest& given_up) {
              for (auto call = waiting_.begin(); call != waiting_.end(); ++call) {
                if (call->first.writable() != given_up.frame.writable()) continue;
                call->second.deliver(to_caf({Code::cancelled, "given up"}));
                waiting_.erase(call);
                ++given_up_;
                return;
              }
            },
            [this](caf::put_atom) {
              stalls_ = true;
              return waiting_.size();
            },
            [this](caf::add_atom) { is_picky_ = true; },
            [this](const MeasureFunctions&) {
              ++measured_;
              FunctionsUse use;
              for (const auto& [id, source] : sources_) use.functions[id] = {1, 1024};
              return use;
            },
            [this](caf::sys_atom) { return measured_; },
            [](const ReportWorkers&) {
              WorkersReport report;
              report.workers.push_back({0, 4242, "up", "", 1, 2, 3, "scripted"});
              return report;
            }};
  }

 private:
  static OutcomeMsg outcome(const std::string& body, bool bad_header = false) {
    wire::Builder<schema::Outcome> made(body.size() / 8 + 64);
    made->setStatus(200);
    auto headers = made->initHeaders(2);
    headers[0].setName(bad_header ? "not a token" : "content-type");
    headers[0].setValue("text/plain");
    headers[1].setName("Connection");
    headers[1].setValue("upgrade");
    made->setBody(wire::to_data(as_bytes(body)));
    return made.finish();
  }
  caf::result<OutcomeMsg> run(const CallFunction& call) {
    const auto found = sources_.find(call.id);
    if (found == sources_.end()) return to_caf({Code::not_found, "not installed"});
    const std::string& source = found->second;
    if (source == "throws") return to_caf({Code::threw, "Error: secret\n    at fetch"});
    if (source == "hangs") return to_caf({Code::threw, std::string(js::kHungDetail)});
    if (source == "loops") return to_caf({Code::cpu_exceeded, "over 50 ms of CPU"});
    if (source == "fills") return to_caf({Code::memory_exceeded, "over 128 MB"});
    if (source == "pours") return to_caf({Code::too_large, "a body of 9000000 bytes"});
    if (source == "dies") return to_caf({Code::unavailable, "the worker process ended"});
    if (source == "waits" || std::exchange(stalls_, false)) {
      auto promise = make_response_promise<OutcomeMsg>();
      waiting_.emplace_back(call.invoke.frame(), promise);
      return promise;
    }
    const auto view = call.invoke.view();
    std::string seen = source + " " + std::string(wire::text_of(view->getMethod())) + " " +
                       std::string(wire::text_of(view->getUrl())) + " " +
                       std::string(as_text(wire::bytes_of(view->getBody())));
    for (const auto header : view->getHeaders())
      if (wire::text_of(header.getName()).starts_with("X-") ||
          http_only(wire::text_of(header.getName())))
        seen += " " + std::string(wire::text_of(header.getName()));
    return outcome(seen, source == "bad-header");
  }
  static bool http_only(std::string_view name) {
    return name == "Authorization" || name == "Connection" || name == "Keep-Alive";
  }

  std::map<CodeId, std::string> sources_;
  size_t given_up_ = 0;
  size_t measured_ = 0;
  bool stalls_ = false;
  bool is_picky_ = false;
  std::vector<std::pair<wire::FramePtr, caf::typed_response_promise<OutcomeMsg>>> waiting_;
  std::vector<caf::typed_response_promise<caf::unit_t>> installing_;
};

}  // namespace themis::testing
