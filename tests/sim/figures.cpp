#include "tests/sim/figures.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace themis::ring {

void settle(RingWorld& world, size_t count) {
  for (size_t i = 0; i < count; ++i)
    world.start(i, i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0});
  for (int n = 0; n < 600 && !world.is_ideal(); ++n) world.world().run_for(100ms);
  ASSERT_TRUE(world.is_ideal());
  world.world().run_for(20s);
}

void corrupt(RingWorld& world, Colluders& colluders, double share) {
  colluders.set_victim(world.node(0).id);
  for (const size_t i : world.members())
    if (i != 0 && world.world().rng().unit() < share)
      colluders.add(world.ring(i).table().self(), *world.node(i).identity);
  world.liar = [&world, &colluders](size_t i, const Question& question) {
    return colluders.answer(world.node(i).id, question, world.node(i).host->wall_ms());
  };
}

Point random_point(RingWorld& world) {
  Point point;
  world.world().rng().fill(point.bytes);
  return point;
}

std::string Tally::text() const {
  return fmt::format("{} of {} right ({:.3f} %), longest {:.2f} s", right, all(), 100 * share(),
                     seconds(longest));
}

void Lookups::begin(std::optional<size_t> asker) {
  const std::vector<size_t> all = world_.members();
  if (!asker) asker = all[world_.world().rng().below(all.size())];
  const Point target = random_point(world_);
  const NodeId& before = world_.node(world_.responsible(target)).id;
  const Open lookup{*asker, target, before, world_.world().now()};
  open_.emplace(world_.begin_lookup(*asker, target), lookup);
}

void Lookups::collect() {
  std::erase_if(open_, [&](const auto& entry) {
    const auto& [user, lookup] = entry;
    const auto ended = world_.lookup_ended(user);
    if (!ended) return !world_.lives(lookup.asker);
    tally_.longest = std::max(tally_.longest, world_.world().now() - lookup.begun);
    if (!*ended) {
      ++tally_.failed;
      return true;
    }
    ++(is_right(lookup, (*ended)->front().id) ? tally_.right : tally_.wrong);
    return true;
  });
}

bool Lookups::is_right(const Open& lookup, const NodeId& found) const {
  if (found == lookup.before) return true;
  const std::vector<size_t> all = world_.members();
  size_t at =
      static_cast<size_t>(std::ranges::find(all, world_.responsible(lookup.target)) - all.begin());
  for (size_t passed = 0; passed < all.size(); ++passed, at = (at + 1) % all.size()) {
    if (world_.node(all[at]).id == found) return true;
    if (colluders_ == nullptr || !colluders_->contains(world_.node(all[at]).id)) return false;
  }
  return false;
}

void Lookups::run(size_t count, Duration every) {
  for (size_t n = 0; n < count || !open_.empty(); ++n) {
    if (n < count) begin();
    world_.world().run_for(every);
    collect();
  }
}

Tally find_all(RingWorld& world, const std::map<std::string, NodeId>& names, size_t askers,
               const Colluders* colluders) {
  struct Open {
    NodeId provider;
    TimePoint begun;
  };
  std::map<uint64_t, Open> open;
  std::vector<size_t> all = world.members();
  if (colluders != nullptr)
    std::erase_if(all, [&](size_t i) { return colluders->contains(world.node(i).id); });
  for (const auto& [name, provider] : names)
    for (size_t n = 0; n < askers; ++n)
      open[world.begin_find(all[world.world().rng().below(all.size())], name)] = {
          provider, world.world().now()};
  Tally tally;
  while (!open.empty()) {
    world.world().run_for(20ms);
    std::erase_if(open, [&](const auto& entry) {
      const auto ended = world.find_ended(entry.first);
      if (!ended) return false;
      tally.longest = std::max(tally.longest, world.world().now() - entry.second.begun);
      const bool right =
          *ended && (*ended)->size() == 1 && (*ended)->front().provider.id == entry.second.provider;
      ++(right ? tally.right : *ended ? tally.wrong : tally.failed);
      return true;
    });
  }
  return tally;
}

}  // namespace themis::ring
