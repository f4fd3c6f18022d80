#include "actors/services/function_names.hpp"

#include <caf/all.hpp>

#include "actors/mesh/instance.hpp"
#include "actors/queues/queue_types.hpp"
#include "actors/system/caf_error.hpp"
#include "runtime/base/log.hpp"

namespace themis {

void FunctionNames::show(Shown& shown, ProvideName offer, bool has_events, Done done) {
  const auto over = [done = std::move(done)] {
    if (done) done();
  };
  const std::string name = offer.name;
  const auto failed = [name, over](const caf::error& error) {
    // Said again with more names in its bucket: those have it.
    if (from_caf(error).code != Code::cancelled)
      log::warn("functions", "{} is not announced yet: {}", name, describe(error));
    over();
  };
  if (shown == Shown::alone || has_room(has_events)) {
    if (shown == Shown::listed) context_.actor.send(context_.node, UnlistName{name});
    alone_ += shown == Shown::alone ? 0 : 1;
    shown = Shown::alone;
    when_done(context_.actor.request(context_.node, caf::infinite, std::move(offer)), over, failed);
    return;
  }
  if (std::exchange(shown, Shown::listed) == Shown::listed) return over();
  if (starting_) {
    to_list_.push_back(name);
    return over();
  }
  when_done(context_.actor.request(context_.node, caf::infinite, ListNames{{name}}), over, failed);
}

void FunctionNames::hide(Shown& shown, const std::string& name) {
  if (shown == Shown::alone) {
    --alone_;
    context_.actor.send(context_.node, WithdrawName{name});
  }
  if (shown == Shown::listed) context_.actor.send(context_.node, UnlistName{name});
  shown = Shown::no;
}

void FunctionNames::end_start() {
  starting_ = false;
  if (to_list_.empty()) return;
  const ListNames all{std::exchange(to_list_, {})};
  when_done(
      context_.actor.request(context_.node, caf::infinite, all), [] {},
      [](const caf::error& error) {
        log::warn("functions", "not all names are listed yet: {}", describe(error));
      });
}

void FunctionNames::show_queues(const std::string& function, const FunctionVersion& version,
                                const bundle::Settings& settings) {
  hide_queues(function, settings);
  for (const auto& [queue, consumer] : settings.consumers) {
    const auto [known, fresh] = consumers_.emplace(queue, function);
    if (!fresh && known->second != function) {
      log::warn("functions", "{} consumes the queue {}, which {} takes here", function, queue,
                known->second);
      continue;
    }
    ProvideName provide{.name = ring_name_of_queue(queue),
                        .payload = encode_consumer({function, version.number, consumer}),
                        .version = std::to_string(version.number)};
    provide.labels.push_back(mesh::kNoCalls);
    when_done(
        context_.actor.request(context_.node, caf::infinite, provide), [] {},
        [function, queue = queue](const caf::error& error) {
          log::warn("functions", "{} is not announced yet as a consumer of {}: {}", function, queue,
                    describe(error));
        });
  }
}

void FunctionNames::hide_queues(const std::string& function, const bundle::Settings& kept) {
  std::erase_if(consumers_, [&](const auto& entry) {
    const bool goes = entry.second == function && !kept.consumers.contains(entry.first);
    if (goes) context_.actor.send(context_.node, WithdrawName{ring_name_of_queue(entry.first)});
    return goes;
  });
}

}  // namespace themis
