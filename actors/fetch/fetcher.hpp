#pragma once
// The way out for functions: makes their HTTP requests for them, where they have no sockets.

#include <array>
#include <list>
#include <unordered_map>

#include "actors/fetch/fetch_api.hpp"
#include "actors/fetch/fetch_connection.hpp"
#include "actors/fetch/name_resolver.hpp"
#include "actors/flows/flow_api.hpp"
#include "actors/system/hosted_actor.hpp"
#include "runtime/http/url.hpp"

namespace themis {

struct FetcherOptions {
  caf::actor flows;  ///< A FlowHub.
  /// Addresses that are not public, and may be reached all the same.
  std::vector<net::Address> private_addresses;
  bool any_address = false;  ///< For URLs that the operator wrote: any host, any address.
  Rng* rng = nullptr;
};

/// Takes FetchOutward, and CancelRequest with its frame. A name is looked up here, each of its
/// addresses checked, and the connection made to one that was checked: what a name means later does
/// not matter. A connection may serve later requests of the same function to the same host, those
/// that may run twice: one that the server ended meanwhile is made anew. A body that comes bit by
/// bit goes out on a new connection, each part when the server took the one before, also after the
/// answer as long as the server keeps the connection. Pinned to the node's reactor.
class Fetcher final : public PinnedActor {
 public:
  /// Under way; each holds at most two windows, and a request of 1 MB or two parts of one.
  static constexpr size_t kFetchesMax = 256;
  /// Of one function: it cannot take the others' way out.
  static constexpr size_t kFetchesPerFunctionMax = 64;
  /// Threads that wait for the system's resolver.
  static constexpr size_t kResolvers = 4;
  static constexpr Duration kConnectMax = 10s;
  /// Of a body that comes bit by bit; past it too_large.
  static constexpr uint64_t kStreamedBytesMax = uint64_t{1} << 30;
  /// A part of one, as functions make them.
  static constexpr size_t kPartMax = js::kStreamBytesMax;
  /// Without a byte from a server that is waited for, or taken by one.
  static constexpr Duration kSilenceMax = 30s;
  static constexpr Duration kTick = 1s;
  /// Connections that wait for their function's next request to the same host, and for how long;
  /// most servers keep theirs longer.
  static constexpr size_t kIdleMax = 64;
  static constexpr size_t kIdlePerFunctionMax = 8;
  static constexpr Duration kIdleFor = 4s;

  Fetcher(caf::actor_config& config, FetcherOptions options)
      : PinnedActor(config), options_(std::move(options)) {}
  const char* name() const override { return "fetcher"; }
  void on_exit() override;

 private:
  struct Fetch {
    wire::Msg<schema::Invoke> invoke;
    std::shared_ptr<const FetchHosts> whose;  ///< The function's own list: it stands for it.
    caf::typed_response_promise<wire::Msg<schema::Outcome>> promise;
    http::Url url;
    FetchConnection::Request request;  ///< Until it is sent on a new connection.
    bool reuses = false;               ///< A connection that was used before.
    TimePoint began;
    std::unique_ptr<FetchConnection> connection;  ///< Null while the name is looked up.
    FlowId upload = 0;                            ///< The rest of the request's body.
    bool begun_upload = false;
    bool asks_part = false;  ///< Of it.
    uint64_t upload_bytes = 0;
    TimePoint fed_at;       ///< When the last one came.
    bool answered = false;  ///< The head was given out.
    FlowId flow = 0;        ///< The answer's body goes on.
    uint64_t flow_bytes = 0;
    caf::typed_response_promise<BodyPartMsg> taker;
    net::TimerId poll = 0;  ///< While somebody waits for a part.
    TimePoint read_at;      ///< When the body was last asked for.
  };

  /// A connection that rests.
  struct Idle {
    std::shared_ptr<const FetchHosts> whose;
    http::Url at;  ///< Of its last request.
    TimePoint since;
    std::unique_ptr<FetchConnection> connection;
  };

  caf::behavior make_behavior() override;
  caf::result<wire::Msg<schema::Outcome>> begin(const FetchOutward& ask);
  bool reuse(uint64_t id, Fetch& fetch);
  void keep(Fetch& fetch);
  void end_idle(std::list<Idle>::iterator which);
  void destroy(std::unique_ptr<FetchConnection> connection);
  void resolve(uint64_t id);
  void connect(uint64_t id, const std::vector<net::Address>& addresses);
  bool may_reach(const net::Address& address) const;
  void on_changed(uint64_t id);
  FetchCounts counts() const;

  // fetcher_bodies.cpp: what goes out and comes in bit by bit.
  /// Asks for the next part of the request's body, if the server takes more of it.
  void feed(uint64_t id, Fetch& fetch);
  void on_part(uint64_t id, const Result<js::Part>& part);
  /// Errors: too_large, malformed; what ended the body early.
  Status send_part(Fetch& fetch, const Result<js::Part>& part);
  void answer(uint64_t id, Fetch& fetch, const http::Response& head);
  /// All of the answer was given out.
  void end_answer(uint64_t id, Fetch& fetch);
  caf::result<BodyPartMsg> take(FlowId flow);
  void give(uint64_t id, Fetch& fetch);

  void fail_fetch(uint64_t id, const Error& why);
  void drop(uint64_t id);
  void on_tick();
  std::optional<Error> overdue(const Fetch& fetch, TimePoint now) const;

  const FetcherOptions options_;
  std::optional<Result<crypto::TlsTrust>> trust_;  ///< Read when it is first needed.
  std::array<caf::actor, kResolvers> resolvers_;
  std::unordered_map<uint64_t, Fetch> fetches_;
  std::unordered_map<FlowId, uint64_t> flows_;
  std::list<Idle> idle_;  ///< The longest first.
  FetchCounts counts_;    ///< But for what is now.
  uint64_t last_id_ = 0;
  net::TimerId tick_ = 0;
};

}  // namespace themis
