#include "actors/services/instance_finder.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {
namespace {

using Found = std::function<void(Result<ring::Records>)>;

/// Of one name; goes when the last that was asked has answered.
struct Search {
  ring::Records records;
  size_t open = 0;
  Found found;
};
using SearchPtr = std::shared_ptr<Search>;

void settle(const SearchPtr& search) {
  if (--search->open > 0) return;
  std::erase_if(search->records, [](const ring::Record& one) { return one.payload.empty(); });
  if (search->records.empty())
    return search->found(fail(Code::not_found, "who lists the function does not run it"));
  search->found(std::move(search->records));
}

void locate(FunctionContext& context, const std::string& name, const SearchPtr& search, size_t at) {
  const auto failed = [search](const caf::error&) { settle(search); };
  const auto reached = [&context, name, search, at, failed](const caf::actor& functions) {
    const LocateMsg ask = encode_locate(name, context.loop.now() + kLocateTimeout);
    context.actor.request(functions, caf::infinite, ask)
        .then(
            [search, at](const LocatedMsg& answer) {
              if (const Result<FunctionVersion> version = decode_located(answer))
                search->records[at].payload = encode_payload({*version});
              settle(search);
            },
            failed);
  };
  const ReachActor reach{search->records[at].provider, Exports::target_of(kFunctionsActorName)};
  context.actor.request(context.node, caf::infinite, reach).then(reached, failed);
}

}  // namespace

void find_instances(FunctionContext& context, const std::string& name, Found found) {
  const auto search = std::make_shared<Search>();
  search->found = std::move(found);
  const auto with = [&context, name, search](const ring::Records& records) {
    search->records = records;
    search->open = 1;  // until all are asked
    for (size_t at = 0; at < records.size(); ++at) {
      if (!records[at].payload.empty()) continue;
      ++search->open;
      locate(context, name, search, at);
    }
    settle(search);
  };
  context.actor.request(context.node, caf::infinite, FindName{ring_name_of_function(name)})
      .then(with, [search](const caf::error& error) { search->found(fail(from_caf(error))); });
}

}  // namespace themis
