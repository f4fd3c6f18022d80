#include "actors/ring/record_summary.hpp"

#include <algorithm>
#include <map>

#include "actors/ring/ring_math.hpp"

namespace themis::ring {

Summary summarize(const ObjectTable& objects, const Point& from, const Point& until,
                  int64_t wall_ms) {
  std::vector<ObjectId> inside = objects.inside(from, until);
  std::ranges::sort(inside, {}, [&](const ObjectId& object) { return distance(from, object); });
  Summary out{until, {}};
  for (const ObjectId& object : inside) {
    const size_t first = out.entries.size();
    for (const Store& store : objects.stores(object))
      if (store.record->expires_ms > wall_ms)
        out.entries.push_back({object, store.record->provider.id, store.record->sequence});
    if (out.entries.size() > kSummaryEntriesMax) {
      out.entries.resize(first);
      out.until = point(out.entries.back().object);
      return out;
    }
    std::sort(out.entries.begin() + static_cast<std::ptrdiff_t>(first), out.entries.end(),
              [](const RecordName& a, const RecordName& b) { return a.provider < b.provider; });
  }
  return out;
}

crypto::Digest digest_of(const Summary& summary) {
  crypto::Hasher hasher("themis/ring/summary/v1");
  return hasher.add_framed(std::as_bytes(std::span(summary.entries))).finish();
}

Difference compare(const Summary& ours, const Summary& theirs, const Point& from,
                   const Point& until) {
  std::map<std::pair<ObjectId, NodeId>, uint64_t> left;
  for (const RecordName& entry : theirs.entries)
    if (is_in_range(from, entry.object, until))
      left[{entry.object, entry.provider}] = entry.sequence;
  Difference out;
  const auto add = [](std::vector<ObjectId>& to, const ObjectId& object) {
    if (to.empty() || to.back() != object) to.push_back(object);
  };
  for (const RecordName& entry : ours.entries) {
    if (!is_in_range(from, entry.object, until)) break;
    const auto other = left.find({entry.object, entry.provider});
    if (other == left.end() || other->second < entry.sequence) add(out.ours, entry.object);
    if (other != left.end() && other->second <= entry.sequence) left.erase(other);
  }
  for (const auto& [name, sequence] : left) add(out.theirs, name.first);
  return out;
}

}  // namespace themis::ring
