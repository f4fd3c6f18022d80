#include "actors/services/code_finder.hpp"

#include <caf/all.hpp>
#include <deque>

#include "actors/peer/exports.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {
namespace {

struct Search {
  CodeId id{};
  std::deque<ring::Contact> holders;
  bool has_searched = false;  ///< The ring was asked for holders.
  std::function<void(const Result<FoundCode>&)> found;
};

void go_on(FunctionContext& context, Search search);

void ask_ring(FunctionContext& context, Search search) {
  search.has_searched = true;
  context.actor.request(context.node, caf::infinite, FindName{ring_name_of_code(search.id)})
      .then(
          [&context, search](const ring::Records& records) {
            Search next = search;
            for (const ring::Record& record : records)
              if (record.provider.id != context.self.id && next.holders.size() < kHoldersMax)
                next.holders.push_back(record.provider);
            go_on(context, std::move(next));
          },
          [&context, search](const caf::error&) { go_on(context, search); });
}

void ask_holder(FunctionContext& context, const ring::Contact& holder, const Search& search) {
  const auto failed = [&context, search](const caf::error&) { go_on(context, search); };
  const auto reached = [&context, search, failed](const caf::actor& functions) {
    const FetchCodeMsg ask = encode_fetch(search.id, context.loop.now() + kFetchTimeout);
    context.actor.request(functions, caf::infinite, ask)
        .then(
            [&context, search](const CodeBlobMsg& blob) {
              const Result<CodePtr> source = decode_code(blob, search.id);
              if (source) return search.found(FoundCode{*source, true});
              log::warn("functions", "the code {} from a peer is refused: {}",
                        to_hex(search.id).substr(0, 8), source.error().text());
              go_on(context, search);
            },
            failed);
  };
  const ReachActor reach{holder, Exports::target_of(kFunctionsActorName)};
  context.actor.request(context.node, caf::infinite, reach).then(reached, failed);
}

void go_on(FunctionContext& context, Search search) {
  if (!search.holders.empty()) {
    const ring::Contact holder = std::move(search.holders.front());
    search.holders.pop_front();
    return ask_holder(context, holder, search);
  }
  if (!search.has_searched) return ask_ring(context, std::move(search));
  search.found(fail(Code::unavailable, "no node could send the code " + to_hex(search.id)));
}

}  // namespace

void find_code(FunctionContext& context, const CodeId& id, std::optional<NodeId> first,
               std::function<void(const Result<FoundCode>&)> found) {
  Search search{.id = id, .holders = {}, .found = std::move(found)};
  if (first) search.holders.push_back({*first, {}});
  context.actor.request(context.store, caf::infinite, LoadCode{id})
      .then(
          [search](const CodePtr& source) {
            search.found(FoundCode{source, false});
          },
          [&context, search](const caf::error&) { go_on(context, search); });
}

}  // namespace themis
