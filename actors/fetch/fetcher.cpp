#include "actors/fetch/fetcher.hpp"

#include <algorithm>
#include <caf/all.hpp>
#include <charconv>

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

/// The length that a body is said to have; nothing: it is not known. Errors: malformed.
Result<std::optional<uint64_t>> told_length(capnp::List<schema::Header>::Reader headers) {
  std::optional<uint64_t> length;
  for (const schema::Header::Reader header : headers) {
    if (!http::equal_ignoring_case(wire::text_of(header.getName()), "Content-Length")) continue;
    const std::string_view text = wire::text_of(header.getValue());
    uint64_t told = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), told);
    if (length || error != std::errc{} || end != text.data() + text.size())
      return fail(Code::malformed, "a content-length that is none");
    if (told > Fetcher::kStreamedBytesMax)
      return fail(Code::too_large, "a body of " + std::string(text) + " bytes; 1 GiB is the limit");
    length = told;
  }
  return length;
}

/// The request of a function host that is not trusted; `streams`: its body follows.
Result<Outward> read_request(const wire::Msg<schema::Invoke>& message, bool streams) {
  return wire::decode(message, [&](const schema::Invoke::Reader& invoke) -> Result<Outward> {
    Outward out;
    THEMIS_TRY(out.url, http::parse_url(wire::text_of(invoke.getUrl())));
    const std::string_view method = wire::text_of(invoke.getMethod());
    if (!http::is_token(method) || method == "CONNECT" || method == "TRACE" || method == "TRACK")
      return fail(Code::malformed, "a method that cannot be fetched with");
    const ByteView body = wire::bytes_of(invoke.getBody());
    if (body.size() > kBodyBytesMax) return fail(Code::too_large, "a body of over 1 MB");
    if (streams && (!body.empty() || method == "GET" || method == "HEAD"))
      return fail(Code::malformed, "a body that follows where there is none, or another one");
    THEMIS_TRY(const std::string lines, header_lines(invoke.getHeaders()));
    std::string& text = out.request.head_and_body;
    text.append(method).append(" ").append(out.url.target).append(" HTTP/1.1\r\nHost: ");
    text.append(out.url.authority()).append("\r\n").append(lines);
    out.request.again = method == "GET" || method == "HEAD" || method == "OPTIONS";
    out.request.streams = streams;
    if (streams) {
      THEMIS_TRY(out.request.length, told_length(invoke.getHeaders()));
    }
    if (!out.request.keeps()) text += "Connection: close\r\n";
    if (streams && !out.request.length) text += "Transfer-Encoding: chunked\r\n";
    const bool has_body = !body.empty() || method == "POST" || method == "PUT";
    if (out.request.length) {
      text += "Content-Length: " + std::to_string(*out.request.length) + "\r\n";
    } else if (has_body && !streams)
      text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    text.append("\r\n").append(as_text(body));
    out.request.head_only = method == "HEAD";
    out.request.host = out.url.host;
    return out;
  });
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
          [this](const CountFetches&) { return counts(); },
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

FetchCounts Fetcher::counts() const {
  FetchCounts counts = counts_;
  counts.open = fetches_.size();
  for (const auto& [id, fetch] : fetches_) {
    counts.sending += fetch.upload != 0 ? 1 : 0;
    counts.held_bytes += fetch.upload != 0 && fetch.connection ? fetch.connection->held_bytes() : 0;
  }
  return counts;
}

caf::result<OutcomeMsg> Fetcher::begin(const FetchOutward& ask) {
  Result<Outward> outward = read_request(ask.invoke, ask.body != 0);
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
  fetch.upload = ask.body;
  counts_.streamed += ask.body != 0 ? 1 : 0;
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
  feed(id, fetch);
  if (fetch.flow != 0) return give(id, fetch);
  if (fetch.answered) return end_answer(id, fetch);
  if (const auto head = fetch.connection->take_head()) return answer(id, fetch, *head);
  const auto& error = fetch.connection->error();
  if (!error) return;
  if (!std::exchange(fetch.reuses, false)) return fail_fetch(id, Error(*error));
  destroy(std::move(fetch.connection));  // the server had ended it
  resolve(id);
}

void Fetcher::fail_fetch(uint64_t id, const Error& why) {
  const auto found = fetches_.find(id);
  if (found == fetches_.end()) return;
  Fetch& fetch = found->second;
  if (!fetch.answered) ++(why.code == Code::denied ? counts_.denied : counts_.failed);
  if (!fetch.answered)
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
    send(options_.flows, EndFlow{fetch.flow, false, fetch.flow_bytes});
  }
  if (fetch.upload != 0) send(options_.flows, LeaveFlow{{}, fetch.upload});
  if (fetch.connection && fetch.connection->is_reusable()) return keep(fetch);
  destroy(std::move(fetch.connection));
}

std::optional<Error> Fetcher::overdue(const Fetch& fetch, TimePoint now) const {
  const auto late = [](std::string why) { return Error{Code::timeout, std::move(why)}; };
  if (!fetch.answered && fetch.invoke.frame()->deadline() <= now)
    return late(fetch.url.host + " did not answer in time");
  if (!fetch.connection || !fetch.connection->connected()) {
    if (now - fetch.began < kConnectMax) return std::nullopt;
    return late("no connection to " + fetch.url.host + " in time");
  }
  if (fetch.asks_part && now - fetch.fed_at >= js::kUnreadMax)
    return late("the function sends no more of the body");
  const bool is_stuck = !fetch.asks_part && fetch.connection->is_sending();
  if (is_stuck && now - fetch.connection->moved() >= kSilenceMax)
    return late(fetch.url.host + " takes no more of the body");
  if (fetch.flow == 0) return std::nullopt;
  if (fetch.poll == 0 && now - fetch.read_at >= js::kUnreadMax)
    return late("nobody reads the body");
  const bool is_silent = !fetch.asks_part && !fetch.connection->over() &&
                         fetch.connection->waits() &&
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
