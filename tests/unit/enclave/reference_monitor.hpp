#pragma once
// The monitor's semantics a second time: paths are strings, hashes and multisets are ideal, nothing
// is batched. Written from the specification, shares no code with the monitor.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

namespace themis::monitor::reference {

/// A path of '0' and '1'; a leaf is three bits and 'L'.
using Path = std::string;
inline bool is_leaf(const Path& path) { return !path.empty() && path.back() == 'L'; }
inline bool below(const Path& a, const Path& b) {
  return a.size() > b.size() && a.compare(0, b.size(), b) == 0;
}
inline size_t side_of(const Path& a, const Path& b) { return a[b.size()] == '1' ? 1 : 0; }

struct Edge {
  Path key;
  int hash = 0;  // number of a value in Hashes; 0: none yet
  bool used = false, in_deferred = false;
  auto operator<=>(const Edge&) const = default;
};
struct Value {
  bool node = false;
  std::optional<uint64_t> data;
  Edge edge[2];
  auto operator<=>(const Value&) const = default;
};
inline Value initial(const Path& path) { return {!is_leaf(path), std::nullopt, {}}; }

/// An ideal hash: equal numbers are equal values.
struct Hashes {
  std::map<Value, int> numbers;
  std::vector<Value> values{Value{}};
  int of(const Value& value) {
    const auto [at, fresh] = numbers.emplace(value, static_cast<int>(values.size()));
    if (fresh) values.push_back(value);
    return at->second;
  }
};

struct Time {
  uint32_t epoch = 0, counter = 0;
  auto operator<=>(const Time&) const = default;
};
using Element = std::tuple<Path, Value, Time, int>;
struct Sets {
  std::multiset<Element> added, evicted;
};

struct Slot {
  bool used = false, deferred = false;
  Path key;
  Value value;
  int child[2] = {-1, -1};
  int parent = -1;
  size_t side = 0;
};

/// One thread. Every command answers whether it is accepted, and changes nothing when it is not.
struct Thread {
  int id = 0;
  Hashes* hashes = nullptr;
  std::vector<Slot> slots;
  Time clock;
  Path last;  // evicted at clock; empty like the root, which is never evicted
  uint32_t to_verify = 0;
  std::map<uint32_t, Sets> open;

  bool add_merkle(int s, int above, const Path& key, const Value& value) {
    Slot& parent = slots[above];
    if (slots[s].used || !parent.used || !below(key, parent.key)) return false;
    const size_t side = side_of(key, parent.key);
    Edge& edge = parent.value.edge[side];
    Slot fresh{true, false, key, value, {-1, -1}, above, side};
    if (edge.used && edge.key == key) {
      if (edge.in_deferred || edge.hash != hashes->of(value) || parent.child[side] >= 0)
        return false;
    } else {
      if (value != initial(key) || (edge.used && !below(edge.key, key))) return false;
      if (edge.used) {
        const size_t down = side_of(edge.key, key);
        fresh.value.edge[down] = edge;
        if (const int child = parent.child[side]; child >= 0) {
          fresh.child[down] = child;
          slots[child].parent = s;
          slots[child].side = down;
        }
      }
      edge = {key, 0, true, false};
    }
    slots[s] = fresh;
    parent.child[side] = s;
    return true;
  }
  bool evict_merkle(int s, int above) {
    Slot &from = slots[s], &parent = slots[above];
    if (!from.used || !parent.used || !below(from.key, parent.key) || has_children(from))
      return false;
    const size_t side = side_of(from.key, parent.key);
    Edge& edge = parent.value.edge[side];
    if (!edge.used || edge.key != from.key) return false;
    if (from.parent >= 0 ? from.parent != above || from.side != side : parent.child[side] >= 0)
      return false;
    const Edge* below = from.value.edge;
    if (from.value.node ? below[0].used && below[1].used : from.value.data.has_value()) {
      edge = {from.key, hashes->of(from.value), true, false};
    } else {  // nothing to keep, or nothing but what is below
      edge = below[0].used ? below[0] : below[1];
    }
    parent.child[side] = -1;
    from = {};
    return true;
  }
  bool add_deferred(int s, const Path& key, const Value& value, Time time, int by) {
    if (slots[s].used || key.empty() || !in_window(time.epoch)) return false;
    open[time.epoch].added.emplace(key, value, time, by);
    if (const Time after{time.epoch, time.counter + 1}; clock < after) {
      clock = after;
      last.clear();
    }
    slots[s] = {true, true, key, value, {-1, -1}, -1, 0};
    return true;
  }
  bool evict_deferred(int s, Time time) {
    return slots[s].used && slots[s].deferred && leave(s, time);
  }
  bool evict_to_deferred(int s, int above, Time time) {
    const Slot from = slots[s];
    Slot& parent = slots[above];
    if (!from.used || !parent.used || from.deferred || !below(from.key, parent.key)) return false;
    const size_t side = side_of(from.key, parent.key);
    Edge& edge = parent.value.edge[side];
    if (!edge.used || edge.key != from.key || edge.in_deferred || from.parent != above ||
        from.side != side || !leave(s, time))
      return false;
    edge = {from.key, 0, true, true};
    parent.child[side] = -1;
    return true;
  }
  bool next_epoch() {
    if (!in_window(clock.epoch + 1)) return false;
    clock = {clock.epoch + 1, 0};
    last.clear();
    return true;
  }
  std::optional<Sets> verify_epoch() {
    if (clock.epoch <= to_verify) return std::nullopt;
    return open[to_verify++];
  }
  bool get(int s, const Path& key) const {
    return slots[s].used && slots[s].key == key && slots[s].value.data.has_value();
  }
  bool put(int s, const Path& key, uint64_t data) {
    if (!slots[s].used || slots[s].key != key) return false;
    slots[s].value.data = data;
    return true;
  }

 private:
  static bool has_children(const Slot& slot) { return slot.child[0] >= 0 || slot.child[1] >= 0; }
  bool in_window(uint32_t epoch) const { return epoch >= to_verify && epoch < to_verify + 16; }
  /// The specification's order of keys: by depth, then as a number whose lowest bit comes first.
  static std::pair<size_t, Path> rank(const Path& path) {
    return {is_leaf(path) ? 256 : path.size(), Path(path.rbegin(), path.rend())};
  }
  bool leave(int s, Time time) {
    const Slot& from = slots[s];
    if (has_children(from) || from.key.empty() || !in_window(time.epoch)) return false;
    if (time < clock || (time == clock && !(rank(last) < rank(from.key)))) return false;
    open[time.epoch].evicted.emplace(from.key, from.value, time, id);
    clock = time;
    last = from.key;
    slots[s] = {};
    return true;
  }
};

/// Whether two threads' calls have one order in which every get reads the last put.
struct Call {
  bool is_get = false;
  Path key;
  uint64_t data = 0;
  uint32_t epoch = 0;
};
inline bool consistent(const std::vector<Call> (&logs)[2]) {
  using State = std::tuple<size_t, size_t, std::map<Path, uint64_t>>;
  std::set<State> seen;
  std::vector<State> open{{0, 0, {}}};
  while (!open.empty()) {
    const State state = open.back();
    open.pop_back();
    if (!seen.insert(state).second) continue;
    const auto& [first, second, map] = state;
    if (first == logs[0].size() && second == logs[1].size()) return true;
    for (const size_t thread : {0, 1}) {
      const size_t at = thread == 0 ? first : second;
      if (at == logs[thread].size()) continue;
      const Call& call = logs[thread][at];
      std::map<Path, uint64_t> next = map;
      if (call.is_get) {
        const auto found = next.find(call.key);
        if (found == next.end() || found->second != call.data) continue;
      } else {
        next[call.key] = call.data;
      }
      open.emplace_back(first + (thread == 0), second + (thread == 1), std::move(next));
    }
  }
  return false;
}

}  // namespace themis::monitor::reference
