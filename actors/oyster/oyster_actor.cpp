#include "actors/oyster/oyster_actor.hpp"

#include <fmt/format.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/oyster/signer_file.hpp"
#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "actors/system/message_types.hpp"
#include "runtime/base/log.hpp"
#include "runtime/http/json.hpp"
#include "runtime/oyster/requests.hpp"

namespace themis {
namespace {

using http::Response;
using oyster::Answer;
using oyster::Outcome;

constexpr std::string_view kFirstPath = "/api/serverless";
constexpr Duration kWallMargin = 1s;

CodeSourcesOptions sources_of(const OysterOptions& options) {
  const OysterConfig& config = options.config;
  return {.rpc = config.rpc,
          .storage = config.storage,
          .contract = config.contract,
          .deposit_contract = config.deposit_contract,
          .deposit_min = config.deposit_min,
          .fetcher = options.fetcher,
          .flows = options.flows,
          .functions = options.functions};
}

CodeRunnerOptions runner_of(const OysterOptions& options) {
  return {.runners = options.config.runners,
          .routes = options.routes,
          .runner = options.runner,
          .node = options.node,
          .self = options.self,
          .flows = options.flows,
          .rng = options.rng};
}

/// What the crate http calls visible ASCII.
bool is_visible(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= ' ' && c < 0x7F) || c == '\t'; });
}

http::ServerLimits front_limits() {
  http::ServerLimits limits;
  limits.parser.needs_host = false;  // its absence has an answer of its own
  return limits;
}

Answer memory() {
  struct sysinfo info {};
  sysinfo(&info);
  const uint64_t unit = info.mem_unit;
  return {Response::json(200, http::to_text({{"free_memory", info.freeram * unit},
                                             {"total_system_memory", info.totalram * unit}})),
          Outcome::managed};
}

}  // namespace

/// The front's own timer ends a call; the workers' is there if that should fail.
FunctionLimits limits_of_codes(const OysterConfig& config, FunctionLimits workers) {
  const auto timeout =
      std::max<Duration>(std::chrono::milliseconds(config.timeout_ms), OysterActor::kFirstTimeout) +
      kWallMargin;
  workers.cpu_ms = config.cpu_ms;
  workers.wall_ms =
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count());
  return workers;
}

Result<caf::actor> start_oyster_actor(Reactor& reactor, OysterOptions options) {
  caf::actor front = spawn_pinned<OysterActor>(reactor, std::move(options));
  auto* self = static_cast<OysterActor*>(caf::actor_cast<caf::abstract_actor*>(front));
  if (const Status started = self->start(); !started) {
    caf::anon_send_exit(front, caf::exit_reason::kill);
    return fail(started.error());
  }
  return front;
}

OysterActor::OysterActor(caf::actor_config& config, OysterOptions options)
    : PinnedActor(config),
      options_(std::move(options)),
      rng_(options_.rng == nullptr ? static_cast<Rng&>(system_rng_) : *options_.rng),
      sources_(*this, reactor_.loop(), sources_of(options_)),
      runner_(*this, reactor_, runner_of(options_)) {}

Status OysterActor::start() {
  const OysterConfig& config = options_.config;
  const auto file = [&](const std::string& name, const char* otherwise) {
    return name.empty() ? options_.data / otherwise : std::filesystem::path(name);
  };
  THEMIS_TRY(crypto::RecoverableKey key,
             load_signer(file(config.signer, "oyster.key"), config.signer.empty(), rng_));
  THEMIS_TRY(AdminToken token,
             AdminToken::load_or_create(file(config.operator_token, "admin.token"), rng_));
  THEMIS_CHECK(book_.open(*options_.environment));
  server_.emplace(reactor_.loop(), static_cast<http::Handler&>(*this), front_limits());
  THEMIS_CHECK(server_->listen(*config.listen));
  if (config.billing) {
    billing_server_.emplace(reactor_.loop(), billing_);
    THEMIS_CHECK(billing_server_->listen(*config.billing));
  }
  log::info("oyster", "answers on http://{}, signs as {}", server_->address().text(),
            key.address());
  key_.emplace(std::move(key));
  token_.emplace(std::move(token));
  if (book_.is_unregistered()) log::info("oyster", "its operator has it unregistered");
  send(options_.runner, OfferRuns{!book_.is_unregistered()});
  if (!config.runners.empty())
    options_.exports->add(kFrontActorName, caf::strong_actor_ptr{ctrl()});
  return {};
}

caf::behavior OysterActor::make_behavior() {
  set_default_handlers(*this);
  set_exit_handler([this](const caf::exit_msg& exit) { drain(exit.reason); });
  const auto ask = [this](const AskOyster& asked) -> caf::result<Response> {
    auto promise = make_response_promise<Response>();
    by_json({.asker = promise, .request = asked.request, .is_first = true});
    return caf::delegated<Response>{};
  };
  const auto count = [this](const CountOyster&) {
    return OysterCounts{outcomes_,       pending_.size(),    runner_.sent_out(),
                        sources_.kept(), sources_.fetched(), book_.is_unregistered(),
                        key_->address()};
  };
  const auto where = [this](const OysterAddress&) {
    return OysterAddresses{server_->address(),
                           billing_server_ ? billing_server_->address() : net::Address{}};
  };
  set_down_handler([this](const caf::down_msg& down) { runner_.routes().on_down(down); });
  return {ask,
          count,
          where,
          [this](const FetchCodeMsg& message) { return lend(message); },
          [this](const CallerTimer& timer) { runner_.routes().on_timer(timer); },
          [this](const NameChanged& changed) { runner_.routes().on_changed(changed); },
          [this](caf::close_atom, const caf::error& why) { quit(why); }};
}

/// To who is asked to run it, and has not got it.
caf::result<CodeBlobMsg> OysterActor::lend(const FetchCodeMsg& message) const {
  const Result<CodeId> id = decode_fetch(message);
  if (!id) return to_caf(id.error());
  const RunnablePtr code = runner_.lent(*id);
  if (!code) return to_caf({Code::not_found, "this code is not to run elsewhere now"});
  return encode_code(*code->source);
}

void OysterActor::drain(const caf::error& reason) {
  if (std::exchange(draining_, true)) return;
  billing_server_.reset();
  server_->drain([this, self = caf::actor_cast<caf::actor>(this), reason] {
    book_.when_idle([self, reason] { caf::anon_send(self, caf::close_atom::value, reason); });
  });
}

void OysterActor::on_exit() {
  for (auto& [id, pending] : pending_) {
    reactor_.loop().cancel(pending.timer);
    if (pending.asker) pending.asker->deliver(http::problem(503, "", "the node ends", ""));
  }
  pending_.clear();
  server_.reset();
  billing_server_.reset();
  sources_.stop();
  runner_.stop();
  book_.stop();
  const wire::Target exported_as = Exports::target_of(kFrontActorName);
  const caf::strong_actor_ptr* exported = options_.exports->find(exported_as);
  if (exported != nullptr && exported->get() == ctrl()) options_.exports->remove(exported_as);
  for (caf::actor* handle :
       {&options_.runner, &options_.node, &options_.functions, &options_.fetcher, &options_.flows})
    *handle = nullptr;
}

void OysterActor::on_request(http::Request&& request, http::Responder responder) {
  by_label({.responder = std::move(responder), .request = std::move(request)});
}

/// Master's way. A path of the first generation counts where the label names no transaction.
void OysterActor::by_label(Pending pending) {
  const std::string* host = pending.request.headers.find("Host");
  if (host != nullptr) pending.host = *host;
  const std::string label(oyster::first_label(pending.host));
  if (manage(pending, label, {})) return;
  const auto hash = oyster::decode_base32(label);
  const bool is_hash = hash && hash->size() == oyster::Bill::kHashBytes;
  const std::string path(pending.request.path());
  if (!is_hash && path == kFirstPath && pending.request.method == "POST")
    return by_json(std::move(pending));
  if (!is_hash && path == "/api/serverlessinfo") return reply(pending, memory());
  if (!is_hash && path.starts_with("/api/") && manage(pending, path.substr(5), "SUCCESS")) return;
  if (book_.is_unregistered()) return reply(pending, oyster::drained());
  if (host == nullptr) return reply(pending, oyster::no_host());
  if (!is_visible(*host)) return reply(pending, oyster::unreadable_host());
  if (!hash) return reply(pending, oyster::wrong_label(hash.error()));
  begin(std::move(pending), *hash, {});
}

void OysterActor::by_json(Pending pending) {
  pending.is_first = true;
  if (book_.is_unregistered()) return reply(pending, oyster::first_drained());
  Result<oyster::FirstCall> call = oyster::parse_first_call(pending.request.body);
  if (!call) return reply(pending, oyster::first_error(Outcome::refused, 400, "Invalid payload"));
  pending.input = std::move(call->input);
  // What is no hash is asked for as an empty one, which no transaction has.
  const auto hash = oyster::parse_hash(call->tx_hash);
  begin(std::move(pending), hash.value_or(Bytes{}), call->code_id);
}

/// "unregister", and "register", its undo. `said`: not master's text. False: it is neither.
bool OysterActor::manage(Pending& pending, std::string_view word, std::string said) {
  if (word != "unregister" && word != "register") return false;
  if (!token_->is_in(pending.request.headers)) {
    Answer denied = oyster::plain(Outcome::managed, 401,
                                  "this needs \"Authorization: Bearer\" with the operator's token");
    denied.response.headers.set("WWW-Authenticate", "Bearer");
    reply(pending, std::move(denied));
    return true;
  }
  set_unregistered(std::move(pending), word == "unregister", std::move(said));
  return true;
}

/// Said once it is on disk: a restart changes nothing.
void OysterActor::set_unregistered(Pending pending, bool is_unregistered, std::string said) {
  log::info("oyster", "{} by its operator", is_unregistered ? "draining" : "takes requests again,");
  if (said.empty())
    said = is_unregistered ? "successfully set server in draining state"
                           : "successfully ended draining state of server";
  send(options_.runner, OfferRuns{!is_unregistered});
  const uint64_t id = ++last_id_;
  pending.answer = oyster::plain(Outcome::managed, 200, std::move(said));
  pending_.emplace(id, std::move(pending));
  book_.set_unregistered(is_unregistered, [this, id](const Status& kept) { written(id, kept); });
}

/// Looks for the code.
void OysterActor::begin(Pending pending, ByteView transaction, const std::string& code_id) {
  if (transaction.size() == oyster::Bill::kHashBytes) {
    pending.transaction.emplace();
    std::ranges::copy(transaction, pending.transaction->begin());
  }
  const bool is_billed = billing_server_ && pending.transaction;
  if (pending_.size() >= kPendingMax ||
      (is_billed && !book_.bill().has_room_for(*pending.transaction)))
    return reply(pending, pending.is_first ? oyster::first_busy() : oyster::busy());
  const uint64_t id = ++last_id_;
  pending.is_stored = !code_id.empty();
  Pending& placed = pending_.emplace(id, std::move(pending)).first->second;
  if (!placed.asker) placed.responder.on_gone([this, id] { gone(id); });
  const auto then = [this, id](const FoundRunnable& code) { found(id, code); };
  if (!code_id.empty()) return sources_.find_stored(code_id, then);
  sources_.find_transaction(transaction, then);
}

void OysterActor::found(uint64_t id, const FoundRunnable& code) {
  const auto open = pending_.find(id);
  if (open == pending_.end()) return;
  Pending& pending = open->second;
  const auto none = [this, id, &pending](const oyster::Trouble& why) {
    const std::string& contract = options_.config.contract;
    end(id, pending.is_first ? oyster::first_no_code(why, contract) : oyster::no_code(why));
  };
  if (!code) {
    const bool is_missing = code.error().why == oyster::NoCode::no_answer;
    if (!pending.is_stored || !is_missing) return none(code.error());
    return end(id, oyster::first_error(
                       Outcome::no_code, 500,
                       "There was a problem in fetching the code from the storage server"));
  }
  if (pending.is_first && !(*code)->is_string)
    return none({oyster::NoCode::no_hex, "calldata is not a valid hex string"});
  if (!pending.transaction) return run(id, *code);
  sources_.check_deposit(*pending.transaction, [this, id, code = *code](bool is_paid) {
    if (is_paid) return run(id, code);
    const auto waiting = pending_.find(id);
    if (waiting == pending_.end()) return;
    const oyster::Trouble why{oyster::NoCode::no_deposit, "tx deposit not enough"};
    end(id, waiting->second.is_first ? oyster::first_no_code(why, options_.config.contract)
                                     : oyster::no_code(why));
  });
}

void OysterActor::run(uint64_t id, const RunnablePtr& code) {
  const auto open = pending_.find(id);
  if (open == pending_.end()) return;
  Pending& pending = open->second;
  const auto refused = [this, id, &pending](const Error& why) {
    end(id, pending.is_first ? oyster::first_failure(why) : oyster::failure(why));
  };
  const Result<std::string> origin = origin_of(pending.request.headers);
  if (!origin) return refused(origin.error());
  const bool keeps_path = !pending.is_first && !options_.config.strict_path;
  const std::string url = *origin + (keeps_path ? pending.request.target : "/");
  const Duration timeout = pending.is_first
                               ? kFirstTimeout
                               : Duration(std::chrono::milliseconds(options_.config.timeout_ms));
  http::Request first;
  if (pending.is_first) {
    first = {"POST", "/", {}, pending.input, {}};
    first.headers.set("Content-Type", "application/json");
    first.headers.set("Content-Length", std::to_string(first.body.size()));
  }
  const Result<InvokeMsg> invoke = encode_invoke({{}, code->id, options_.config.fresh},
                                                 pending.is_first ? first : pending.request, url,
                                                 false, reactor_.loop().now() + timeout);
  if (!invoke) return refused(invoke.error());
  pending.began = reactor_.loop().now();
  pending.timer = reactor_.loop().after(timeout, [this, id] { timed_out(id); });
  pending.run = runner_.run(
      code, *invoke, [this, id](Result<Response> result) { answered(id, std::move(result)); });
}

void OysterActor::timed_out(uint64_t id) {
  Pending& pending = pending_.at(id);
  runner_.cancel(*pending.run);
  const Error late{Code::timeout, "no answer in time"};
  end(id, pending.is_first ? oyster::first_failure(late) : oyster::failure(late));
}

void OysterActor::answered(uint64_t id, Result<Response> result) {
  const auto open = pending_.find(id);
  if (open == pending_.end() || open->second.answer) return;  // too late
  const Pending& pending = open->second;
  if (result && pending.is_first) return end(id, oyster::first_answered(*result));
  if (result) return end(id, {std::move(*result), Outcome::answered});
  end(id,
      pending.is_first ? oyster::first_failure(result.error()) : oyster::failure(result.error()));
}

/// From when its code began, whoever is still there to hear the answer.
std::optional<uint64_t> OysterActor::cost(const Pending& pending) const {
  if (!billing_server_ || !pending.transaction || !pending.run) return std::nullopt;
  const Duration took = reactor_.loop().now() - pending.began;
  return oyster::cost_of(static_cast<uint64_t>(to_ms(took)));
}

/// Its client left.
void OysterActor::gone(uint64_t id) {
  const auto over = pending_.extract(id);
  if (over.empty()) return;
  const Pending& pending = over.mapped();
  reactor_.loop().cancel(pending.timer);
  if (pending.answer) return;  // and its cost is known
  if (pending.run) runner_.cancel(*pending.run);
  if (const auto costs = cost(pending))
    book_.charge(*pending.transaction, *costs, [](const Status&) {});
}

/// Who is billed is answered when the cost is on disk.
void OysterActor::end(uint64_t id, Answer answer) {
  Pending& pending = pending_.at(id);
  reactor_.loop().cancel(pending.timer);
  const auto costs = cost(pending);
  pending.answer = std::move(answer);
  if (!costs) return written(id, {});
  book_.charge(*pending.transaction, *costs, [this, id](const Status& kept) { written(id, kept); });
}

/// What the answer says is on disk, or cannot be.
void OysterActor::written(uint64_t id, const Status& kept) {
  auto over = pending_.extract(id);
  if (over.empty()) return;  // its client left meanwhile
  Pending& pending = over.mapped();
  Answer answer = std::move(*pending.answer);
  if (!kept) {
    const Error why{Code::io, "the disk does not take it: " + kept.error().detail};
    answer = pending.is_first ? oyster::first_failure(why) : oyster::failure(why);
  }
  reply(pending, std::move(answer));
}

/// What the code itself answered to a labelled request is signed.
void OysterActor::reply(Pending& pending, Answer answer) {
  ++outcomes_[static_cast<size_t>(answer.outcome)];
  const http::Request& request = pending.request;
  const std::string line = fmt::format("{} {}: {} {}", request.method, pending.host,
                                       answer.response.status, oyster::name(answer.outcome));
  answer.response.status >= 500 ? log::info("oyster", "{}", line)
                                : log::debug("oyster", "{}", line);
  if (answer.outcome == Outcome::answered && !pending.is_first) {
    const auto time_s = static_cast<uint64_t>(options_.clock->wall_ms() / 1000);
    oyster::sign_reply(answer.response,
                       {request.method, request.target, pending.host, request.body}, time_s, *key_,
                       *options_.identity);
  }
  if (pending.asker) return void(pending.asker->deliver(std::move(answer.response)));
  pending.responder.on_gone(nullptr);
  pending.responder.respond(std::move(answer.response));
}

void OysterActor::Billing::on_request(http::Request&& request, http::Responder responder) {
  const std::string_view path = request.path();
  const oyster::Bill& bill = front_.book_.bill();
  if (path == "/billing/inspect" && request.method == "GET")
    return responder.respond(bill.inspect());
  if (path == "/billing/latest" && request.method == "GET") return responder.respond(bill.latest());
  if (path == "/billing/export" && request.method == "POST") {
    const uint64_t id = ++last_claim_;
    claims_.emplace(id, std::move(responder));
    return front_.book_.claim(request.body, *front_.key_, [this, id](Response response) {
      claims_.extract(id).mapped().respond(std::move(response));
    });
  }
  responder.respond(Response::text(404, "not found"));
}

}  // namespace themis
