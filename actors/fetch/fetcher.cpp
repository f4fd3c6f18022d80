#include "actors/fetch/fetcher.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/system/caf_error.hpp"
#include "actors/system/dead_letters.hpp"
#include "runtime/net/public_address.hpp"

namespace themis {
namespace {

using OutcomeMsg = wire::Msg<schema::Outcome>;

constexpr size_t kHeadersMax = 256;
constexpr size_t kHeaderBytesMax = 64 * 1024;
constexpr size_t kBodyBytesMax = 1 << 20;

struct Outward {
  http::Url url;
  FetchConnection::Request request;
};

/// What is set here; the function's own value would contradict it.
bool is_fetchers_own(std::string_view name) {
  return http::is_for_one_hop(name) || http::equal_ignoring_case(name, "Host") ||
         http::equal_ignoring_case(name, "Content-Length");
}

Result<std::string> header_lines(capnp::List<schema::Header>::Reader headers) {
  if (headers.size() > kHeadersMax) return fail(Code::too_large, "too many headers");
  std::string lines;
  for (const schema::Header::Reader header : headers) {
    const std::string_view name = wire::text_of(header.getName());
    const std::string_view value = wire::text_of(header.getValue());
    if (!http::is_token(name) || !http::is_field_value(value))
      return fail(Code::malformed, "a header that is none");
    if (is_fetchers_own(name)) continue;
    if (lines.size() + name.size() + value.size() > kHeaderBytesMax)
      return fail(Code::too_large, "headers of over 64 KB");
    lines.append(name).append(": ").append(value).append("\r\n");
  }
  return lines;
}

/// The request of a function host that is not trusted.
Result<Outward> read_request(const wire::Msg<schema::Invoke>& message) {
  return wire::decode(message, [](const schema::Invoke::Reader& invoke) -> Result<Outward> {
    Outward out;
    THEMIS_TRY(out.url, http::parse_url(wire::text_of(invoke.getUrl())));
    const std::string_view method = wire::text_of(invoke.getMethod());
    if (!http::is_token(method) || method == "CONNECT" || method == "TRACE" || method == "TRACK")
      return fail(Code::malformed, "a method that cannot be fetched with");
    const ByteView body = wire::bytes_of(invoke.getBody());
    if (body.size() > kBodyBytesMax) return fail(Code::too_large, "a body of over 1 MB");
    THEMIS_TRY(const std::string lines, header_lines(invoke.getHeaders()));
    std::string& text = out.request.head_and_body;
    text.append(method).append(" ").append(out.url.target).append(" HTTP/1.1\r\nHost: ");
    text.append(out.url.authority()).append("\r\n").append(lines);
    out.request.again = method == "GET" || method == "HEAD" || method == "OPTIONS";
    if (!out.request.again) text += "Connection: close\r\n";
    const bool has_body = !body.empty() || method == "POST" || method == "PUT";
    if (has_body) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text.append("\r\n").append(as_text(body));
    out.request.head_only = method == "HEAD";
    out.request.host = out.url.host;
    return out;
  });
}

Result<OutcomeMsg> encode_answer(const http::Response& head, ByteView body, FlowId flow) {
  if (head.status < 200 || head.status > 599)
    return fail(Code::malformed,
                "the server answered with the status " + std::to_string(head.status));
  size_t bytes = body.size();
  for (const http::Header& header : head.headers)
    bytes += header.name.size() + header.value.size() + 48;
  wire::Builder<schema::Outcome> outcome(32 + bytes / wire::Frame::kWordBytes);
  outcome->setStatus(static_cast<uint16_t>(head.status));
  std::vector<const http::Header*> passed;
  for (const http::Header& header : head.headers)
    if (!http::is_for_one_hop(header.name)) passed.push_back(&header);
  auto headers = outcome->initHeaders(static_cast<unsigned>(passed.size()));
  for (unsigned i = 0; i < passed.size(); ++i) {
    headers[i].setName(wire::to_text(passed[i]->name));
    headers[i].setValue(wire::to_text(passed[i]->value));
  }
  outcome->setBody(wire::to_data(body));
  outcome->setFlow(flow);
  return outcome.finish();
}

}  // namespace

caf::behavior Fetcher::make_behavior() {
  set_default_handlers(*this);
  for (caf::actor& resolver : resolvers_)
    resolver = home_system().spawn<NameResolver, caf::detached>();
  return {[this](const FetchOutward& ask) { return begin(ask); },
          [this](const CancelRequest& given_up) {
            for (const auto& [id, fetch] : fetches_)
              if (fetch.invoke.frame().writable() == given_up.frame.writable())
                return fail_fetch(id, {Code::cancelled, "the function gave up"});
          },
          [this](const CountFetches&) {
            FetchCounts counts = counts_;
            counts.open = fetches_.size();
            return counts;
          },
          [this](const TakePart& ask) { return take(ask.flow); },
          [this](const DropPart& given_up) {
            if (const auto found = flows_.find(given_up.flow); found != flows_.end())
              drop(found->second);
          }};
}

void Fetcher::on_exit() {
  reactor_.loop().cancel(tick_);
  for (auto& [id, fetch] : fetches_) fetch.connection.reset();
  idle_.clear();
  while (!fetches_.empty())
    fail_fetch(fetches_.begin()->first, {Code::unavailable, "the node's fetcher ended"});
  for (caf::actor& resolver : resolvers_) {
    if (resolver) caf::anon_send_exit(resolver, caf::exit_reason::user_shutdown);
    resolver = nullptr;
  }
}

caf::result<OutcomeMsg> Fetcher::begin(const FetchOutward& ask) {
  Result<Outward> outward = read_request(ask.invoke);
  if (!outward) return to_caf(outward.error());
  const auto is_named = [&](const auto& hosts) {
    return hosts != nullptr && http::is_allowed_host(*hosts, outward->url);
  };
  const bool is_allowed =
      !ask.allowed.empty() && (options_.any_address || std::ranges::all_of(ask.allowed, is_named));
  counts_.denied += is_allowed ? 0 : 1;
  if (!is_allowed)
    return to_caf({Code::denied, "this function may not fetch from " + outward->url.authority() +
                                     ": its manifest and workers.fetch must both name it"});
  const auto is_same = [&](const auto& one) { return one.second.whose == ask.allowed.back(); };
  const auto of_function = static_cast<size_t>(std::ranges::count_if(fetches_, is_same));
  if (fetches_.size() >= kFetchesMax || of_function >= kFetchesPerFunctionMax) ++counts_.limited;
  if (fetches_.size() >= kFetchesMax)
    return to_caf({Code::overloaded, "this node makes as many outward requests as it may"});
  if (of_function >= kFetchesPerFunctionMax)
    return to_caf({Code::overloaded, "this function makes as many outward requests as it may"});
  const uint64_t id = ++last_id_;
  ++counts_.begun;
  counts_.sent_bytes += outward->request.head_and_body.size();
  Fetch& fetch = fetches_[id];
  fetch.invoke = ask.invoke;
  fetch.whose = ask.allowed.back();
  fetch.promise = make_response_promise<OutcomeMsg>();
  fetch.url = std::move(outward->url);
  fetch.request = std::move(outward->request);
  fetch.began = reactor_.loop().now();
  if (tick_ == 0) tick_ = reactor_.loop().after(kTick, [this] { on_tick(); });
  if (reuse(id, fetch)) return caf::delegated<OutcomeMsg>{};
  resolve(id);
  return caf::delegated<OutcomeMsg>{};
}

void Fetcher::resolve(uint64_t id) {
  const http::Url& url = fetches_.at(id).url;
  if (const auto literal = net::Address::from_host(url.host, url.port))
    return connect(id, {*literal});
  request(resolvers_[id % kResolvers], caf::infinite, ResolveName{url.host, url.port})
      .then([this, id](const Addresses& found) { connect(id, found.list); },
            [this, id](const caf::error& error) { fail_fetch(id, from_caf(error)); });
}

/// The address of such a connection was checked when it was made.
bool Fetcher::reuse(uint64_t id, Fetch& fetch) {
  if (!fetch.request.again) return false;
  const auto found = std::ranges::find_if(idle_, [&](const Idle& idle) {
    return idle.whose == fetch.whose && idle.at.secure == fetch.url.secure &&
           idle.at.host == fetch.url.host && idle.at.port == fetch.url.port;
  });
  if (found == idle_.end()) return false;
  fetch.connection = std::move(found->connection);
  idle_.erase(found);
  fetch.reuses = true;
  fetch.connection->start(fetch.request, [this, id] { on_changed(id); });
  return true;
}

/// The connection of a fetch that is over: for the next one of its function.
void Fetcher::keep(Fetch& fetch) {
  const auto is_same = [&](const Idle& idle) { return idle.whose == fetch.whose; };
  if (std::ranges::count_if(idle_, is_same) >= static_cast<ptrdiff_t>(kIdlePerFunctionMax))
    end_idle(std::ranges::find_if(idle_, is_same));
  if (idle_.size() >= kIdleMax) end_idle(idle_.begin());
  const auto at = idle_.insert(
      idle_.end(), {fetch.whose, fetch.url, reactor_.loop().now(), std::move(fetch.connection)});
  at->connection->rest([this, at] { end_idle(at); });
  if (tick_ == 0) tick_ = reactor_.loop().after(kTick, [this] { on_tick(); });
}

void Fetcher::end_idle(std::list<Idle>::iterator which) {
  destroy(std::move(which->connection));
  idle_.erase(which);
}

/// It may be the caller.
void Fetcher::destroy(std::unique_ptr<FetchConnection> connection) {
  if (!connection) return;
  connection->rest([] {});
  reactor_.loop().post(
      [gone = std::make_shared<const std::unique_ptr<FetchConnection>>(std::move(connection))] {});
}

bool Fetcher::may_reach(const net::Address& address) const {
  return options_.any_address || net::is_public(address) ||
         std::ranges::find(options_.private_addresses, address) != options_.private_addresses.end();
}

void Fetcher::connect(uint64_t id, const std::vector<net::Address>& addresses) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return;
  Fetch& fetch = found->second;
  const auto target =
      std::ranges::find_if(addresses, [this](const auto& each) { return may_reach(each); });
  if (target == addresses.end())
    return fail_fetch(
        id, {Code::denied, fetch.url.host + " is at an address that functions may not reach"});
  const crypto::TlsTrust* trust = nullptr;
  if (fetch.url.secure) {
    if (!trust_) trust_ = crypto::TlsTrust::of_system();
    if (!*trust_) return fail_fetch(id, trust_->error());
    trust = &**trust_;
  }
  fetch.connection = std::make_unique<FetchConnection>(reactor_.loop(), std::move(fetch.request),
                                                       trust, [this, id] { on_changed(id); });
  if (const Status begun = fetch.connection->connect(*target); !begun)
    fail_fetch(id, {Code::unavailable, begun.error().detail});
}

void Fetcher::on_changed(uint64_t id) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return;  // given up, and about to be closed
  Fetch& fetch = found->second;
  if (fetch.flow != 0) return give(id, fetch);
  if (const auto head = fetch.connection->take_head()) return answer(id, fetch, *head);
  const auto& error = fetch.connection->error();
  if (!error) return;
  if (!std::exchange(fetch.reuses, false)) return fail_fetch(id, Error(*error));
  destroy(std::move(fetch.connection));  // the server had ended it
  resolve(id);
}

void Fetcher::answer(uint64_t id, Fetch& fetch, const http::Response& head) {
  const bool is_whole = fetch.connection->over() && !fetch.connection->error();
  const FlowId flow = is_whole ? 0 : new_flow_id(*options_.rng);
  const std::string body = fetch.connection->take_body();
  counts_.received_bytes += body.size();
  const Result<OutcomeMsg> outcome = encode_answer(head, as_bytes(body), flow);
  if (!outcome) return fail_fetch(id, outcome.error());
  fetch.flow = flow;
  fetch.read_at = reactor_.loop().now();
  if (flow != 0) {
    flows_.emplace(flow, id);
    send(options_.flows, OfferFlow{flow, caf::actor(this), {}});
  }
  fetch.promise.deliver(*outcome);
  if (is_whole) drop(id);
}

caf::result<BodyPartMsg> Fetcher::take(FlowId flow) {
  const auto found = flows_.find(flow);
  if (found == flows_.end()) return to_caf({Code::not_found, "this body is over"});
  const uint64_t id = found->second;
  Fetch& fetch = fetches_.at(id);
  if (fetch.poll != 0) return to_caf({Code::exists, "a part of this body is being read"});
  auto promise = make_response_promise<BodyPartMsg>();
  fetch.taker = promise;
  fetch.read_at = reactor_.loop().now();
  fetch.poll = reactor_.loop().after(js::kPollMax, [this, id] {
    Fetch& waiting = fetches_.at(id);
    waiting.poll = 0;
    waiting.taker.deliver(encode_part(js::Part{}));
  });
  give(id, fetch);
  return caf::delegated<BodyPartMsg>{};
}

/// To whoever waits for a part of the body.
void Fetcher::give(uint64_t id, Fetch& fetch) {
  FetchConnection& connection = *fetch.connection;
  if (fetch.poll == 0 || (!connection.has_body() && !connection.over())) return;
  if (!connection.has_body() && connection.error()) return fail_fetch(id, *connection.error());
  reactor_.loop().cancel(std::exchange(fetch.poll, 0));
  if (connection.has_body()) {
    const std::string bits = connection.take_body();
    counts_.received_bytes += bits.size();
    return void(fetch.taker.deliver(encode_part(js::Part::Kind::bytes, as_bytes(bits))));
  }
  fetch.taker.deliver(encode_part(js::Part::Kind::end, {}));
  drop(id);
}

void Fetcher::fail_fetch(uint64_t id, const Error& why) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return;
  Fetch& fetch = found->second;
  if (fetch.flow == 0) ++(why.code == Code::denied ? counts_.denied : counts_.failed);
  if (fetch.flow == 0)
    fetch.promise.deliver(to_caf(why));
  else if (fetch.poll != 0)
    fetch.taker.deliver(to_caf(why));
  drop(id);
}

void Fetcher::drop(uint64_t id) {
  auto over = fetches_.extract(id);
  if (over.empty()) return;
  Fetch& fetch = over.mapped();
  reactor_.loop().cancel(fetch.poll);
  if (fetch.flow != 0) {
    flows_.erase(fetch.flow);
    send(options_.flows, EndFlow{fetch.flow});
  }
  if (fetch.connection && fetch.connection->is_reusable()) return keep(fetch);
  destroy(std::move(fetch.connection));
}

std::optional<Error> Fetcher::overdue(const Fetch& fetch, TimePoint now) const {
  const auto late = [](std::string why) { return Error{Code::timeout, std::move(why)}; };
  if (fetch.flow == 0 && fetch.invoke.frame()->deadline() <= now)
    return late(fetch.url.host + " did not answer in time");
  if (!fetch.connection || !fetch.connection->connected()) {
    if (now - fetch.began < kConnectMax) return std::nullopt;
    return late("no connection to " + fetch.url.host + " in time");
  }
  if (fetch.flow == 0) return std::nullopt;
  if (fetch.poll == 0 && now - fetch.read_at >= js::kUnreadMax)
    return late("nobody reads the body");
  const bool is_silent = !fetch.connection->over() && fetch.connection->waits() &&
                         now - fetch.connection->moved() >= kSilenceMax;
  if (is_silent) return late(fetch.url.host + " sends no more of the body");
  return std::nullopt;
}

void Fetcher::on_tick() {
  tick_ = 0;
  std::vector<std::pair<uint64_t, Error>> late;
  for (const auto& [id, fetch] : fetches_)
    if (auto why = overdue(fetch, reactor_.loop().now())) late.emplace_back(id, std::move(*why));
  for (const auto& [id, why] : late) fail_fetch(id, why);
  while (!idle_.empty() && reactor_.loop().now() - idle_.front().since >= kIdleFor)
    end_idle(idle_.begin());
  if (!fetches_.empty() || !idle_.empty())
    tick_ = reactor_.loop().after(kTick, [this] { on_tick(); });
}

}  // namespace themis
