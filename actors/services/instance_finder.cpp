#include "actors/services/instance_finder.hpp"

#include <caf/all.hpp>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"

namespace themis {

void InstanceFinder::find(const std::string& name, Found found) {
  const uint64_t id = ++last_search_;
  searches_.emplace(id, Search{name, std::move(found)});
  const auto told = [this, id](const ring::Records& records) {
    Search& search = searches_.at(id);
    search.records = records;
    search.open = 1;  // until all are asked
    for (size_t at = 0; at < records.size(); ++at)
      if (records[at].payload.empty()) locate(id, at);
    settle(id);
  };
  context_.actor.request(context_.node, caf::infinite, FindName{ring_name_of_function(name)})
      .then(told, [this, id](const caf::error& error) {
        const auto search = searches_.extract(id);
        search.mapped().found(fail(from_caf(error)));
      });
}

void InstanceFinder::locate(uint64_t id, size_t at) {
  Search& search = searches_.at(id);
  ++search.open;
  const auto failed = [this, id](const caf::error&) { settle(id); };
  const auto reached = [this, id, at, failed](const caf::actor& functions) {
    const LocateMsg ask =
        encode_locate(searches_.at(id).name, context_.loop.now() + kLocateTimeout);
    context_.actor.request(functions, caf::infinite, ask)
        .then(
            [this, id, at](const LocatedMsg& answer) {
              if (const Result<FunctionVersion> version = decode_located(answer))
                searches_.at(id).records[at].payload = encode_payload({*version});
              settle(id);
            },
            failed);
  };
  const ReachActor reach{search.records[at].provider, Exports::target_of(kFunctionsActorName)};
  context_.actor.request(context_.node, caf::infinite, reach).then(reached, failed);
}

void InstanceFinder::settle(uint64_t id) {
  if (--searches_.at(id).open > 0) return;
  const auto over = searches_.extract(id);
  Search& search = over.mapped();
  std::erase_if(search.records, [](const ring::Record& one) { return one.payload.empty(); });
  if (!search.records.empty()) return search.found(search.records);
  search.found(fail(Code::not_found, "nobody runs \"" + search.name + "\""));
}

}  // namespace themis
